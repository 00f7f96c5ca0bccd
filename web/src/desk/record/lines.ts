/** The record of a meeting as the review shows it: sentences for the lines, and durations. Pure. */
import type { Attended, TimelineLine } from '../../server/model';
import { clockText } from '../../call/chair/floor';

/** The groups of lines that a reader may choose. */
export const GROUPS = ['all', 'people', 'floor', 'troubles'] as const;
export type Group = (typeof GROUPS)[number];

const OF_GROUP: Record<Exclude<Group, 'all'>, ReadonlySet<string>> = {
  people: new Set([
    'came', 'left', 'admit', 'to_lobby', 'remove', 'call_answered', 'site_phoned',
    'lobby.sent_back', 'lobby.readmitted', 'closed_session.sent_out', 'closed_session.let_in',
  ]),
  floor: new Set(['call_speaker', 'end_turn', 'undo', 'lower_hand', 'reorder', 'mute_one', 'mute_all', 'unmute_ask', 'ask_floor', 'withdraw_floor', 'set_floor_mode', 'set_budget']),
  troubles: new Set(['call_failed', 'call_alarm', 'restarted', 'gap', 'secret_stop', 'lost']),
};

/** Report whether a line belongs to a group. A person whose connection was lost is a trouble too. */
export function isOf(line: TimelineLine, group: Group): boolean {
  if (group === 'all') return true;
  return OF_GROUP[group].has(line.kind) || (group === 'troubles' && line.kind === 'left' && isLoss(line));
}

/** Report whether the participant left because its connection failed, or because the server was killed. */
export function isLoss(line: TimelineLine): boolean {
  return ['lost', 'signal_close', 'media_failure', 'join_failure', 'state_mismatch'].includes(String(line.detail.reason ?? ''));
}

/** Return the part of the kind that has a text if the kind itself has none: `agenda_set` is of the agenda. */
export function familyOf(kind: string): string {
  return /^(agenda|vote|roll_call|hands|ballot)/.exec(kind)?.[1] ?? kind;
}

/** What a line of a vote or of the agenda is about. Empty: the line does not tell it, or it was destroyed. */
export function titleOf({ detail }: TimelineLine): string {
  return typeof detail.title === 'string' ? detail.title : '';
}

/** The result of a vote in the line of its closing. */
export interface ResultLine {
  adopted: boolean;
  quorum: boolean;
  present: number;
  entitled: number;
  /** For, against, abstain. Null: an election, or counts that a secret vote does not tell. */
  counts: readonly number[] | null;
  /** The names of the elected. Null: a motion. */
  elected: readonly string[] | null;
}

/** Return the result that a line tells. Null: the line tells none. */
export function resultOf({ kind, detail }: TimelineLine): ResultLine | null {
  const told = detail.result as Record<string, unknown> | undefined;
  if (kind !== 'vote_closed' || typeof told !== 'object' || told === null) return null;
  const number = (name: string) => (typeof told[name] === 'number' ? told[name] : 0);
  const motion = detail.kind === 'motion';
  const counts = Array.isArray(told.counts) && told.counts.length === 3 ? told.counts.map(Number) : null;
  return {
    adopted: told.adopted === true,
    quorum: told.quorum === true,
    present: number('present'),
    entitled: number('entitled'),
    counts: motion ? counts : null,
    elected: !motion && Array.isArray(detail.elected) ? detail.elected.map(String) : null,
  };
}

/** Return the totals of a roll call in the line of its end. Null: the line tells none. */
export function rolledOf({ kind, detail }: TimelineLine): { n: number; all: number; delegates: number } | null {
  if (kind !== 'roll_call.ended' || typeof detail.sites !== 'number') return null;
  return { n: Number(detail.present), all: detail.sites, delegates: Number(detail.delegates) };
}

/** A mark of the roll call in a line: the mark, the mark before (empty: none), and the reason. */
export interface MarkLine {
  mark: string;
  before: string;
  why: string;
}

/** Return the mark that a line tells. Null: the line tells none. */
export function markOf({ kind, detail }: TimelineLine): MarkLine | null {
  if (kind !== 'roll_call.marked' && kind !== 'roll_call.corrected') return null;
  const text = (name: string) => (typeof detail[name] === 'string' ? detail[name] : '');
  return { mark: text('presence'), before: text('before'), why: text('why') };
}

/** Return seconds as minutes and seconds, from one hour on with hours. */
export function lasting(time_s: number): string {
  return clockText(Math.round(time_s));
}

export interface Totals {
  people: number;
  turns: number;
  spoken_s: number;
}

export function totalsOf(rows: readonly Attended[]): Totals {
  return {
    people: rows.length,
    turns: rows.reduce((sum, one) => sum + one.turns, 0),
    spoken_s: rows.reduce((sum, one) => sum + one.spoken_s, 0),
  };
}
