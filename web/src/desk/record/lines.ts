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

/** Return the part of the kind that has a text: `agenda_set` is of the agenda. A break has a text for each kind. */
export function familyOf(kind: string): string {
  return /^(agenda|vote|roll_call|hands|ballot)/.exec(kind)?.[1] ?? kind;
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
