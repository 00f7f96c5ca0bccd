/**
 * The sections of the desk document that the page of the floor reads (`signaling/desk/PROTOCOL.md`). Times are in ms since 1970
 * by the server's clock, durations in seconds. A member that is usual, empty or false is absent.
 */
import type { Sections } from './votes/votes';

/** The role of a participant. An operator is no participant. */
export type Role = 'chair' | 'co_chair' | 'secretary' | 'delegate' | 'hall' | 'observer' | 'guest';
export type Kind = 'speech' | 'reply' | 'order' | 'question';
export type Mode = 'discussion' | 'one' | 'several';
export type Whom = 'nobody' | 'guests' | 'halls' | 'all';
export type Forbidden = 'unmute_off' | 'camera_off' | 'share_off' | 'chat_off';

export const KINDS: readonly Kind[] = ['speech', 'reply', 'order', 'question'];
export const MODES: readonly Mode[] = ['discussion', 'one', 'several'];
export const WHOM: readonly Whom[] = ['nobody', 'guests', 'halls', 'all'];
export const FORBIDDEN: readonly Forbidden[] = ['unmute_off', 'camera_off', 'share_off', 'chat_off'];

/** A row of `people`: name, unit, site, role, kind of client, microphone, camera, time of the raised hand, time of the loss. */
export interface Person {
  n: string;
  u?: string;
  s?: string;
  r?: Role;
  k?: 'h';
  m?: 1;
  c?: 1;
  h?: number;
  a?: number;
}

export interface Turn {
  id: string;
  kind: Kind;
  delegation: string;
  since: number;
  ends_at?: number;
  warned?: number;
}

export interface Floor {
  mode?: Mode;
  turns?: Turn[];
  /** The seconds that each delegation has spoken, without the turn that runs. */
  spoken?: Record<string, number>;
  budgets?: Record<string, number>;
}

export type Rules = Partial<Record<Forbidden, Whom>> & { entry_muted?: boolean; locked?: boolean };

/** A recess, a closed session, or the stop for secret content. */
export interface Break {
  phase: 'recess' | 'closed' | 'closed_recess' | 'stopping' | 'stopped';
  since?: number;
  /** The time of return. Absent: it was not said. */
  until?: number;
  /** The number of participants who wait in the lobby of the closed session. */
  out?: number;
}

export type ItemState = 'waiting' | 'current' | 'done' | 'skipped';

/** An item of the agenda. */
export interface Item {
  id: string;
  title: string;
  planned_at?: number;
  /** 0: not planned. */
  planned_s: number;
  /** Names, or identities of participants. */
  speakers: string[];
  votes: string[];
  /** The item is a closed session. */
  closed: boolean;
  state: ItemState;
  began_at?: number;
  ended_at?: number;
}

export interface Agenda {
  items: Item[];
  /** The id of the current item. */
  current?: string;
}

export type Mark = 'present' | 'absent' | 'fault';
export type RollPhase = 'ready' | 'calling' | 'paused' | 'done';

export interface Roll {
  phase: RollPhase;
  run: number;
  at?: string;
  plate?: string;
  since?: number;
  began_at?: number;
  ended_at?: number;
  totals: { sites: number; present: number; absent: number; fault: number; unmarked: number; delegates: number };
}

/** A row of `roll_sites`, for hosts. */
export interface RollSite {
  o: number;
  n: string;
  u?: string;
  t?: string;
  c?: 1;
  i?: string;
  d?: number;
  p?: Mark;
  at?: number;
  by?: string;
  s?: string;
  w?: string;
  g?: string;
  e?: Mark;
}

/** A row of `reported`: delegates, head, deputies. */
export interface Report {
  d: number;
  h?: string;
  x?: string[];
}

/** The document as far as the page of the floor reads it. */
export interface Desk {
  meeting?: { name: string; title?: string; started_at?: number; ends_at?: number };
  people?: Record<string, Person>;
  /** The order of the requests, by identity: `o` grows along the queue. */
  queue?: Record<string, { o: number; k?: Kind }>;
  floor?: Floor;
  rules?: Rules;
  /** The time at which a note of the secretary was stored. Only hosts read it. */
  notes?: { changed: number };
  /** The last kept line of the chat. Only hosts read it. */
  chat?: { last: string };
  agenda?: Agenda;
  break?: Break;
  /** Who waits in the lobby, by identity. Only those who chair read it. */
  break_out?: string[];
  /** The digits by which a hall takes the chair with its keypad. Only hosts read it. */
  chair_code?: string;
  /** The halls whose chair codes are no longer accepted after wrong ones, or all halls. Only hosts read it. */
  chair_codes_shut?: { all?: true; halls?: string[] };
  chair?: { id?: string; phase: 'held' | 'away' | 'lent' };
  votes?: Sections['votes'];
  roll?: Roll;
  /** The sites of the roll call, for hosts. */
  roll_sites?: Record<string, RollSite>;
  vote_late?: Record<string, { n: string }>;
  /** The delegates that sites have reported, by identity. */
  reported?: Record<string, Report>;
}
