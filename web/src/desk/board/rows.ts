/** The board as rows and times, for the picture and for the table alike. Pure. */
import type { Board, BoardEntry, BoardHall } from '../../server/model';
import { matches } from '../words/plain';
import { addDays, clockOf, dayOf, local } from '../words/time';

/** A gap of a day in which a hall can be taken. */
export interface Gap {
  from: string;
  to: string;
}

export function filteredHalls(board: Board, typed: string, tierOf: (unit: string) => number | null, tier: string): BoardHall[] {
  return board.halls.filter((hall) => (typed.trim() === '' || matches(`${hall.name} ${hall.site_name} ${hall.unit_name}`, typed)) && (tier === '' || String(tierOf(hall.unit_id)) === tier));
}

/** Of one hall and day, in the order of time. What was called off stands no more. */
export function entriesOf(board: Board, hall: string, day: string): BoardEntry[] {
  return board.entries.filter((one) => one.hall_id === hall && dayOf(one.starts_at) === day && stands(one)).sort((one, other) => one.starts_at.localeCompare(other.starts_at));
}

export function stands(entry: BoardEntry): boolean {
  return !['cancelled', 'postponed', 'skipped', 'released'].includes(entry.state) && !['cancelled', 'refused', 'expired'].includes(entry.meeting_state);
}

export function daysFrom(first: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => addDays(first, n));
}

/** The times of at least `least` minutes between `opens` and `closes` that no entry (with setting up and clearing up) takes. */
export function gapsOf(entries: BoardEntry[], day: string, opens = '07:00', closes = '18:00', least = 30): Gap[] {
  const gaps: Gap[] = [];
  let from = opens;
  const taken = entries.map((one) => [dayOf(one.reserved_from) < day ? '00:00' : clockOf(one.reserved_from), dayOf(one.reserved_to) > day ? '24:00' : clockOf(one.reserved_to)] as const).sort();
  for (const [start, end] of [...taken, [closes, closes] as const]) {
    const to = start < closes ? start : closes;
    if (minutes(to) - minutes(from) >= least) gaps.push({ from, to });
    if (end > from) from = end;
  }
  return gaps;
}

export function minutes(clock: string): number {
  return Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));
}

/** The first gap that is worth an hour, else the first. */
export function bestGap(gaps: Gap[]): Gap | undefined {
  return gaps.find((gap) => minutes(gap.to) - minutes(gap.from) >= 60) ?? gaps[0];
}

/** The clock of Vietnam without a zone, as the picture takes it. */
export function wallClock(at: string): string {
  return local(at).toISOString().slice(0, 19);
}

/** The rows `from` to before `to` that are drawn, and the px that those above and below them would take. */
export interface Drawn {
  from: number;
  to: number;
  above: number;
  below: number;
}

/** Rows drawn beyond those in view, on each side; and how few of them may be left before more are drawn. */
const BEYOND = 8;
const LEFT = 2;

/**
 * Which of the rows of these heights (px) are drawn when `height` px from `top` on are in view. `before`: what is drawn now; it stays
 * while enough of it is left on both sides, so that not every step of scrolling draws.
 */
export function drawnRows(heights: number[], top: number, height: number, before?: Drawn): Drawn {
  const count = heights.length;
  let first = 0;
  let edge = 0;
  while (first < count - 1 && edge + heights[first]! <= top) edge += heights[first++]!;
  let last = first;
  while (last < count && edge < top + height) edge += heights[last++]!;
  const enough = before !== undefined && before.to <= count && (before.from === 0 || before.from <= first - LEFT) && (before.to === count || before.to >= last + LEFT);
  const from = enough ? before.from : Math.max(0, first - BEYOND);
  const to = enough ? before.to : Math.min(count, last + BEYOND);
  return { from, to, above: sum(heights.slice(0, from)), below: sum(heights.slice(to)) };
}

function sum(parts: number[]): number {
  return parts.reduce((total, part) => total + part, 0);
}

export function bookPath(hall: { id: string; name: string }, startsAt: Date, length: number): string {
  return `/book?${new URLSearchParams({ hall: hall.id, name: hall.name, at: startsAt.toISOString(), min: String(length) })}`;
}
