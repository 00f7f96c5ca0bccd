/** Recess, closed session and lobby as the pages show them. Pure: a desk document in, facts out. Times are ms since 1970. */
import { dayStart } from '../../../browser/zone';
import type { Break, Desk, Person } from '../desk';
import { leads, roleOf } from '../floor';

/** The durations of a recess that a chair may press, in minutes. */
export const RECESS_MIN = [5, 10, 15, 30] as const;
/** Chosen: the usual recess of a session. Longer or shorter: more chairs change the duration. */
export const USUAL_RECESS_MIN = 15;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** Return the end of a recess that begins now. The end is a whole minute, so that the clock on the wall shows it. */
export function returnAfter(minutes: number, now_ms: number): number {
  return Math.ceil((now_ms + minutes * MINUTE_MS) / MINUTE_MS) * MINUTE_MS;
}

/** Return the next time at which the clock shows `HH:MM` in the province. Null: no such time. */
export function nextClock(text: string, now_ms: number): number | null {
  const found = /^(\d{1,2}):(\d{2})$/.exec(text);
  const [hours, minutes] = [Number(found?.[1]), Number(found?.[2])];
  if (found === null || hours > 23 || minutes > 59) return null;
  const today_ms = dayStart(now_ms) + (hours * 60 + minutes) * MINUTE_MS;
  return today_ms > now_ms ? today_ms : today_ms + DAY_MS;
}

/** Return the time nearest to now at which the clock shows `HH:MM`. An item of the agenda may be late when somebody writes it down. */
export function nearestClock(text: string, now_ms: number): number | null {
  const next_ms = nextClock(text, now_ms);
  return next_ms !== null && next_ms - now_ms > DAY_MS / 2 ? next_ms - DAY_MS : next_ms;
}

/** Return the seconds until the return, 0 when the time has come. Null: no time was said. */
export function left_s({ until }: Break, now_ms: number): number | null {
  return until === undefined ? null : Math.max(0, Math.ceil((until - now_ms) / 1000));
}

export interface Candidate {
  identity: string;
  person: Person;
  /** The participant waits outside unless the chair decides otherwise: a guest or an observer. */
  usual: boolean;
}

/** Return the participants who may be sent to the lobby: guests and observers first, then halls, then all who do not lead. */
export function candidates(desk: Desk): Candidate[] {
  const rank = (one: Candidate) => (one.usual ? 0 : one.person.k === 'h' ? 1 : 2);
  return Object.entries(desk.people ?? {})
    .filter(([identity]) => !leads(roleOf(desk, identity)))
    .map(([identity, person]) => ({ identity, person, usual: ['guest', 'observer'].includes(roleOf(desk, identity)) }))
    .sort((a, b) => rank(a) - rank(b) || new Intl.Collator('vi').compare(a.person.n, b.person.n));
}

/** Return the participants who wait in the lobby and are connected. */
export function outside({ break_out = [], people = {} }: Desk): { identity: string; person: Person }[] {
  return break_out.flatMap((identity) => (people[identity] === undefined ? [] : [{ identity, person: people[identity] }]));
}
