/** The board as rows and times, for the picture and for the table. Pure. */
import type { Board, BoardEntry, BoardHall } from '../../server/model';
import { matches } from '../words/plain';
import { addDays, clockOf, dayOf, local } from '../words/time';

/** A time of a day in which a hall is free. */
export interface Gap {
  from: string;
  to: string;
}

export function filteredHalls(board: Board, typed: string, tierOf: (unit: string) => number | null, tier: string): BoardHall[] {
  return board.halls.filter((hall) => (typed.trim() === '' || matches(`${hall.name} ${hall.site_name} ${hall.unit_name}`, typed)) && (tier === '' || String(tierOf(hall.unit_id)) === tier));
}

/** Return the entries of one hall and day, ordered by time, without cancelled entries. */
export function entriesOf(board: Board, hall: string, day: string): BoardEntry[] {
  return board.entries.filter((one) => one.hall_id === hall && dayOf(one.starts_at) === day && stands(one)).sort((one, other) => one.starts_at.localeCompare(other.starts_at));
}

export function stands(entry: BoardEntry): boolean {
  return !['cancelled', 'postponed', 'skipped', 'released'].includes(entry.state) && !['cancelled', 'refused', 'expired'].includes(entry.meeting_state);
}

export function daysFrom(first: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => addDays(first, n));
}

/**
 * Return the free times of at least `least` minutes between `opens` and `closes`. The time to set up and clear a hall belongs
 * to its entry. A soft hold leaves the hall free.
 */
export function gapsOf(entries: BoardEntry[], day: string, opens = '07:00', closes = '18:00', least = 30): Gap[] {
  const gaps: Gap[] = [];
  let from = opens;
  const taken = entries.filter((one) => one.hold !== 'soft').map((one) => [dayOf(one.reserved_from) < day ? '00:00' : clockOf(one.reserved_from), dayOf(one.reserved_to) > day ? '24:00' : clockOf(one.reserved_to)] as const).sort();
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

/** Return the first gap of at least an hour, else the first gap. */
export function bestGap(gaps: Gap[]): Gap | undefined {
  return gaps.find((gap) => minutes(gap.to) - minutes(gap.from) >= 60) ?? gaps[0];
}

/** Return the local time of Vietnam without a zone, as the picture takes it. */
export function wallClock(at: string): string {
  return local(at).toISOString().slice(0, 19);
}

/** The drawn rows, from `from` to before `to`, and the px that the rows above and below would take. */
export interface Drawn {
  from: number;
  to: number;
  above: number;
  below: number;
}

/**
 * Chosen. Rows that are drawn outside the view on each side, and the smallest number of them before more are drawn. Larger:
 * drawing takes longer. Smaller: empty rows are seen while scrolling.
 */
const BEYOND = 8;
const LEFT = 2;

/**
 * Return which rows to draw when `height` px from `top` are in view. `heights`: px of each row. `before`: the rows drawn now.
 * They stay while enough of them are left on both sides, so that not each step of scrolling draws.
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
