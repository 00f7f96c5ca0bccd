/** The halls of one meeting for the operator: the state of a leg, its problems, and the order of the legs. Pure. */
import type { DeskKey } from '../../i18n/desk-vi';
import type { Alarm, CallLine, Leg } from '../../server/model';
import { matches, plain } from '../words/plain';
import type { SignName } from '../words/signs';
import type { Standing } from '../words/states';

export type Ready = Leg['readiness']['state'];
export type Filter = 'all' | 'connected' | 'under_way' | 'trouble' | 'waiting' | 'hand';
export type Order = 'worst' | 'tree';

/**
 * Share of lost packets from which people hear the loss. Chosen. Larger: bad calls count as good. Smaller: good calls
 * count as bad.
 */
const LOSS_HEARD = 0.03;
/**
 * Milliseconds. From this round trip on, people notice the delay and interrupt each other. Chosen. Larger: bad calls count as
 * good. Smaller: good calls count as bad.
 */
const RTT_FELT_MS = 400;

const STATES: Record<Leg['state'], Standing> = {
  idle: { text: 'leg.idle', sign: 'clock', tone: '' },
  probing: { text: 'leg.probing', sign: 'search', tone: 'wait' },
  calling: { text: 'leg.calling', sign: 'repeat', tone: 'wait' },
  ringing: { text: 'leg.ringing', sign: 'repeat', tone: 'wait' },
  connected: { text: 'leg.connected', sign: 'check', tone: 'good' },
  failed: { text: 'leg.failed', sign: 'warning', tone: 'bad' },
  given_up: { text: 'leg.given_up', sign: 'no', tone: 'bad' },
  left: { text: 'leg.left', sign: 'out', tone: '' },
};
const READINESS: Record<Leg['readiness']['state'], { text: DeskKey; sign: SignName; tone: Standing['tone'] }> = {
  green: { text: 'ready.green', sign: 'check', tone: 'good' },
  amber: { text: 'ready.amber', sign: 'warning', tone: 'wait' },
  red: { text: 'ready.red', sign: 'no', tone: 'bad' },
  unknown: { text: 'ready.unknown', sign: 'clock', tone: '' },
};

const CODECS: Record<string, string> = { h264: 'H.264', g722: 'G.722', pcma: 'G.711 A', pcmu: 'G.711 µ', opus: 'Opus' };

export function codecOf(code: string): string {
  return CODECS[code] ?? code;
}

export function legStanding(state: Leg['state']): Standing {
  return STATES[state] ?? STATES.idle;
}

export function readinessStanding(state: Leg['readiness']['state']): Standing {
  return READINESS[state] ?? READINESS.unknown;
}

/** Return the name of the hall, which distinguishes two halls of one site. */
export function titleOf(leg: Leg): string {
  return leg.hall || leg.site;
}

/** Return the text below the title: the place of the hall and its terminal. */
export function placeOf(leg: Leg): string {
  const above = leg.site.includes(leg.unit) ? '' : leg.unit;
  return [leg.hall === '' ? '' : leg.site, above, leg.terminal].filter((part) => part !== '').join(' · ');
}

/** Return the full name for a sentence or a label without a second line. */
export function fullNameOf(leg: Leg): string {
  return leg.hall === '' ? leg.site : `${leg.hall}, ${leg.site}`;
}

export function isUnderWay(leg: Leg): boolean {
  return leg.state === 'probing' || leg.state === 'calling' || leg.state === 'ringing';
}

/** Report whether the result of the last call is known. */
export function isOver(leg: Leg): boolean {
  return leg.state !== 'idle' && !isUnderWay(leg);
}

export function openAlarms(leg: Leg): Alarm[] {
  return leg.alarms.filter((alarm) => alarm.acknowledged_by === '');
}

export function worstLoss(leg: Leg): number {
  return Math.max(0, ...[leg.audio, leg.video].flatMap((stream) => [stream?.loss_up ?? 0, stream?.loss_down ?? 0]));
}

/** Report whether the hall is connected, but its people see or hear badly. */
export function isPoor(leg: Leg): boolean {
  return leg.state === 'connected' && (worstLoss(leg) >= LOSS_HEARD || (leg.audio?.rtt_ms ?? 0) >= RTT_FELT_MS);
}

export function isInTrouble(leg: Leg): boolean {
  return leg.state === 'failed' || leg.state === 'given_up' || openAlarms(leg).length > 0 || isPoor(leg);
}

/** Return the urgency of a leg. The operator must look first at the highest number. */
export function severity(leg: Leg): number {
  if (leg.state === 'given_up') return 7;
  if (leg.state === 'failed') return 6;
  if (openAlarms(leg).length > 0) return 5;
  if (isPoor(leg)) return 4;
  if (leg.state === 'connected') return 0;
  if (leg.readiness.state === 'red') return 3;
  return isUnderWay(leg) || leg.readiness.state === 'amber' ? 2 : 1;
}

export function passes(leg: Leg, filter: Filter): boolean {
  switch (filter) {
    case 'connected':
      return leg.state === 'connected';
    case 'under_way':
      return isUnderWay(leg);
    case 'trouble':
      return isInTrouble(leg);
    case 'waiting':
      return leg.state === 'idle' || leg.state === 'left';
    case 'hand':
      return leg.floor_wanted_at !== null;
    default:
      return true;
  }
}

/** Count the halls of each filter. The server has not called the halls of `expected` yet. */
export function count(legs: Leg[], expected: CallLine[]): Record<Filter, number> {
  const counts: Record<Filter, number> = { all: legs.length + expected.length, connected: 0, under_way: 0, trouble: 0, waiting: expected.length, hand: 0 };
  for (const leg of legs) {
    for (const filter of ['connected', 'under_way', 'trouble', 'waiting', 'hand'] as const) counts[filter] += passes(leg, filter) ? 1 : 0;
  }
  return counts;
}

/** Return the halls that are not connected, by the result of the check before the start. */
export function awaited(legs: Leg[]): Record<Ready, Leg[]> {
  const found: Record<Ready, Leg[]> = { red: [], amber: [], green: [], unknown: [] };
  for (const leg of legs) if (leg.state !== 'connected') found[leg.readiness.state].push(leg);
  return found;
}

/** The texts of each row for the order and the search. To remove diacritics takes long: 240 rows are drawn once a second. */
const TEXTS = new WeakMap<Leg, { place: string; within: string }>();

function textsOf(leg: Leg): { place: string; within: string } {
  let found = TEXTS.get(leg);
  if (found === undefined) {
    const place = `${leg.unit_path}\n${plain(leg.site)}\n${plain(leg.hall)}\n${leg.leg_id}`;
    found = { place, within: plain(`${leg.hall} ${leg.site} ${leg.unit} ${leg.terminal} ${leg.address}`) };
    TEXTS.set(leg, found);
  }
  return found;
}

/**
 * Return the legs that pass the filter, in the wanted order. Equal legs are ordered by the tree of units, so that rows do not
 * jump.
 */
export function shown(legs: Leg[], filter: Filter, typed: string, order: Order): Leg[] {
  const words = plain(typed).split(' ');
  const wanted = legs.filter((leg) => passes(leg, filter) && words.every((word) => textsOf(leg).within.includes(word)));
  const keyed = wanted.map((leg) => ({ leg, severity: order === 'worst' ? severity(leg) : 0, place: textsOf(leg).place }));
  keyed.sort((one, other) => other.severity - one.severity || (one.place < other.place ? -1 : one.place > other.place ? 1 : 0));
  return keyed.map((one) => one.leg);
}

/**
 * Milliseconds for which rows keep their place. Chosen. Longer: an urgent row moves up late. Shorter: rows move away below the
 * operator's finger.
 */
const SETTLED_MS = 5000;

/** Keeps the rows of a board in their places for some seconds. New rows come first. */
export class Places {
  #since = -SETTLED_MS;
  #key = '';
  #order = new Map<string, number>();

  /** `key` names the filter, the search and the order: a change of them orders all rows at once. */
  settle(rows: Leg[], key: string, now: number): Leg[] {
    if (key === this.#key && now - this.#since < SETTLED_MS) {
      const order = this.#order;
      return rows.sort((one, other) => (order.get(one.leg_id) ?? -1) - (order.get(other.leg_id) ?? -1));
    }
    this.#key = key;
    this.#since = now;
    this.#order = new Map(rows.map((leg, n) => [leg.leg_id, n]));
    return rows;
  }
}

/** Return the lines of the call list that have no row yet. The search finds them, although they are not called yet. */
export function shownLines(lines: CallLine[], filter: Filter, typed: string): CallLine[] {
  if (filter !== 'all' && filter !== 'waiting') return [];
  return lines.filter((line) => matches(`${line.hall_name} ${line.site_name} ${line.unit_name} ${line.terminal_name}`, typed));
}

/** Return the legs that asked for the speaking floor, the earliest first. */
export function queue(legs: Leg[]): Leg[] {
  return legs.filter((leg) => leg.floor_wanted_at !== null).sort((one, other) => one.floor_wanted_at!.localeCompare(other.floor_wanted_at!));
}

/** Return a bit rate as text: `1,9 Mbit/s`, `64 kbit/s`, `–`. */
export function rate(bps: number | null | undefined, decimal: ',' | '.'): string {
  if (bps === null || bps === undefined) return '–';
  if (bps < 1_000_000) return `${Math.round(bps / 1000)} kbit/s`;
  return `${(bps / 1_000_000).toFixed(1).replace('.', decimal)} Mbit/s`;
}

/** Return a share as text: `0,4 %`. */
export function percent(part: number | null | undefined, decimal: ',' | '.'): string {
  if (part === null || part === undefined) return '–';
  return `${(part * 100).toFixed(part > 0 && part < 0.1 ? 1 : 0).replace('.', decimal)} %`;
}
