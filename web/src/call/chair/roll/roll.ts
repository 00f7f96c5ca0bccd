/**
 * The roll call as the page shows it: rows, counts, filter, keys. Pure: sections of the desk document in, facts out. The sections
 * are those of `conference/chair/course/roll_rows.py`.
 */
import { plain } from '../../stage/names';
import type { Desk, Mark, Report } from '../desk';

export type RollDesk = Pick<Desk, 'roll_sites' | 'reported'>;
export type Filter = 'all' | 'unmarked' | Mark;

export const MARKS: readonly Mark[] = ['present', 'absent', 'fault'];
export const FILTERS: readonly Filter[] = ['all', 'unmarked', 'present', 'absent', 'fault'];
/** The seconds of each site on stage (`ROLL_STAGE_S`). */
export const STAGE_S = 10;
/** From this number of sites on, the list has a search field. Chosen, as in the list of people. */
export const SEARCH_FROM = 8;

export type Picture = 'none' | 'black' | 'frozen' | 'good';
const PICTURES: Record<string, Picture> = { '-': 'none', b: 'black', f: 'frozen', g: 'good' };

export interface Signals {
  connected: boolean;
  heard: boolean;
  picture: Picture;
}

/** A site of the list, in the order of the roll call. */
export interface Row {
  id: string;
  place: number;
  name: string;
  unit: string;
  phone: string;
  /** The server can call a terminal of this site. */
  callable: boolean;
  mark: Mark | null;
  marked_ms: number;
  snapshot: string;
  /** The reason of the mark. Usually empty. */
  why: string;
  suggested: Mark | null;
  signals: Signals;
  report: Report | null;
}

export function signalsOf(text = ''): Signals {
  return { connected: text[0] === '1', heard: text[1] === '1', picture: PICTURES[text[2] ?? '-'] ?? 'none' };
}

export function rowsOf({ roll_sites = {}, reported = {} }: RollDesk): Row[] {
  return Object.entries(roll_sites)
    .map(([id, site]) => ({
      id,
      place: site.o + 1,
      name: site.n,
      unit: site.u ?? '',
      phone: site.t ?? '',
      callable: site.c === 1,
      mark: site.p ?? null,
      marked_ms: site.at ?? 0,
      snapshot: site.s ?? '',
      why: site.w ?? '',
      suggested: site.e ?? null,
      signals: signalsOf(site.g),
      report: reported[site.i ?? id] ?? null,
    }))
    .sort((a, b) => a.place - b.place);
}

/** Return the rows of a filter whose name, unit or head of delegates contains the words. */
export function chosen(rows: readonly Row[], filter: Filter, words: string): Row[] {
  const wanted = plain(words.trim());
  return rows.filter((row) => {
    const fits = filter === 'all' || (filter === 'unmarked' ? row.mark === null : row.mark === filter);
    return fits && (wanted === '' || plain(`${row.name} ${row.unit} ${row.report?.h ?? ''}`).includes(wanted));
  });
}

export interface Ready {
  connected: number;
  heard: number;
  seen: number;
  reported: number;
}

/** Count the signals and the reports of all sites. */
export function readyOf(rows: readonly Row[]): Ready {
  const count = (fits: (row: Row) => boolean) => rows.filter(fits).length;
  return {
    connected: count((row) => row.signals.connected),
    heard: count((row) => row.signals.heard),
    seen: count((row) => row.signals.picture === 'good'),
    reported: count((row) => row.report !== null),
  };
}

/** Return the absent sites that the server can call again. */
export function toCall(rows: readonly Row[]): Row[] {
  return rows.filter((row) => row.mark === 'absent' && row.callable && !row.signals.connected);
}

/** Return the sites that somebody must phone. */
export function toPhone(rows: readonly Row[]): Row[] {
  return rows.filter((row) => row.phone !== '' && (row.mark === 'absent' || row.mark === 'fault'));
}

/** Return the whole seconds that the site on stage still has. 0: the site stays until it is marked. */
export function left_s(since_ms: number | undefined, now_ms: number): number {
  return since_ms === undefined ? 0 : Math.min(STAGE_S, Math.max(0, Math.ceil(STAGE_S - (now_ms - since_ms) / 1000)));
}

/** Return the mark of a pressed key: 1 present, 2 absent, 3 fault. Null: the key is no mark. */
export function markOf(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>): Mark | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  return MARKS[['1', '2', '3'].indexOf(event.key)] ?? null;
}

/** Return the number of delegates of a typed text. Null: the text is no number from 0 to the most. */
export function delegatesOf(text: string, most: number): number | null {
  const typed = text.trim();
  return /^\d{1,6}$/.test(typed) && Number(typed) <= most ? Number(typed) : null;
}

/** Return the names of a typed list: one a line, or separated by commas. */
export function namesOf(text: string): string[] {
  return text
    .split(/[\n,;]/)
    .map((one) => one.trim())
    .filter(Boolean);
}

/** Return the roll call that waits for the report of this site. 0: none, or the site has reported. */
export function asksReport({ roll, reported = {} }: Pick<Desk, 'roll' | 'reported'>, identity: string): number {
  return roll === undefined || roll.phase === 'done' || reported[identity] !== undefined ? 0 : roll.run;
}
