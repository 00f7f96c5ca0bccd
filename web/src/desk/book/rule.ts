/**
 * Repetition as plain choices, converted to and from RRULE (RFC 5545). Pure. A rule that these choices cannot express stays
 * unchanged.
 */
import type { DeskKey } from '../../i18n/desk-vi';
import { addDays, mondayOf, shownDay, weekday, weekdayName, weekdayShort, type Tongue } from '../words/time';

export type Every = 'none' | 'day' | 'workday' | 'week' | 'monthday' | 'monthweek' | 'year' | 'other';

export interface Repeat {
  every: Every;
  interval: number;
  /** 1 Monday … 7 Sunday. Used only by weekly rules. */
  days: number[];
  end: 'count' | 'until';
  count: number;
  until: string;
  /** The whole rule when `every` is `other`. */
  raw: string;
}

const CODES = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];
export const MOST_DATES = 750;

export function once(day: string): Repeat {
  return { every: 'none', interval: 1, days: [weekday(day)], end: 'count', count: 12, until: addDays(day, 84), raw: '' };
}

export function toRule(repeat: Repeat, day: string): string {
  if (repeat.every === 'none') return '';
  if (repeat.every === 'other') return repeat.raw;
  const parts = [...FREQUENCY[repeat.every](repeat, day)];
  if (repeat.interval > 1 && repeat.every !== 'workday') parts.splice(1, 0, `INTERVAL=${repeat.interval}`);
  parts.push(repeat.end === 'count' ? `COUNT=${repeat.count}` : `UNTIL=${repeat.until.replaceAll('-', '')}T165959Z`);
  return parts.join(';');
}

const FREQUENCY: Record<Exclude<Every, 'none' | 'other'>, (repeat: Repeat, day: string) => string[]> = {
  day: () => ['FREQ=DAILY'],
  workday: () => ['FREQ=WEEKLY', 'BYDAY=MO,TU,WE,TH,FR'],
  week: (repeat, day) => ['FREQ=WEEKLY', `BYDAY=${codes(repeat.days.length === 0 ? [weekday(day)] : repeat.days)}`],
  monthday: (_, day) => ['FREQ=MONTHLY', `BYMONTHDAY=${Number(day.slice(8))}`],
  monthweek: (_, day) => ['FREQ=MONTHLY', `BYDAY=${weekOfMonth(day)}${CODES[weekday(day) - 1]}`],
  year: () => ['FREQ=YEARLY'],
};

function codes(days: number[]): string {
  return [...days].sort().map((day) => CODES[day - 1]).join(',');
}

/** Return 1 … 4, or -1 for the last week: not every month has a fifth weekday. */
export function weekOfMonth(day: string): number {
  const nth = Math.ceil(Number(day.slice(8)) / 7);
  return nth > 4 ? -1 : nth;
}

export function fromRule(rule: string, day: string): Repeat {
  const repeat = once(day);
  if (rule === '') return repeat;
  const parts = new Map(rule.split(';').map((part) => part.split('=') as [string, string]));
  const ended = endOf(parts, repeat);
  const every = everyOf(parts);
  if (every === null || ended === null) return { ...repeat, every: 'other', raw: rule };
  const days = every === 'week' ? (parts.get('BYDAY')?.split(',') ?? []).map((code) => CODES.indexOf(code) + 1) : repeat.days;
  return { ...ended, every, days, interval: Number(parts.get('INTERVAL') ?? 1) };
}

function endOf(parts: Map<string, string>, repeat: Repeat): Repeat | null {
  const [count, until] = [parts.get('COUNT'), parts.get('UNTIL')];
  if (count !== undefined) return { ...repeat, end: 'count', count: Number(count) };
  const found = /^(\d{4})(\d\d)(\d\d)/.exec(until ?? '');
  return found === null ? null : { ...repeat, end: 'until', until: `${found[1]}-${found[2]}-${found[3]}` };
}

function everyOf(parts: Map<string, string>): Every | null {
  const known = ['FREQ', 'INTERVAL', 'BYDAY', 'BYMONTHDAY', 'COUNT', 'UNTIL'];
  if ([...parts.keys()].some((name) => !known.includes(name))) return null;
  const byDay = parts.get('BYDAY');
  switch (parts.get('FREQ')) {
    case 'DAILY':
      return byDay === undefined ? 'day' : null;
    case 'WEEKLY':
      if (byDay === 'MO,TU,WE,TH,FR' && (parts.get('INTERVAL') ?? '1') === '1') return 'workday';
      return byDay === undefined || byDay.split(',').every((code) => CODES.includes(code)) ? 'week' : null;
    case 'MONTHLY':
      if (parts.has('BYMONTHDAY')) return /^\d+$/.test(parts.get('BYMONTHDAY')!) ? 'monthday' : null;
      return byDay !== undefined && /^(-1|[1-4])(MO|TU|WE|TH|FR|SA|SU)$/.test(byDay) ? 'monthweek' : null;
    case 'YEARLY':
      return byDay === undefined && !parts.has('BYMONTHDAY') ? 'year' : null;
    default:
      return null;
  }
}

/** The desk's `t`. The caller passes the texts, so that this module stays pure. */
export type Say = (key: RuleKey, values?: Record<string, string | number>) => string;
type RuleKey = Extract<DeskKey, `rule.${string}` | `when.${string}`>;

/** Return the rule as text, for example "Hằng tuần vào T2, T5; 12 lần". */
export function ruleWords(rule: string, day: string, tongue: Tongue, say: Say): string {
  if (rule === '') return say('rule.once');
  const repeat = fromRule(rule, day);
  if (repeat.every === 'other') return rule;
  const ends = repeat.end === 'count' ? say('rule.count', { n: repeat.count }) : say('rule.until', { day: shownDay(repeat.until) });
  return `${everyWords(repeat, day, tongue, say)}; ${ends}`;
}

/** Return a length in hours and minutes. */
export function lengthWords(minutes: number, say: Say): string {
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  if (hours === 0) return say('when.minutes', { n: rest });
  return rest === 0 ? say('when.hours', { n: hours }) : say('when.hoursMinutes', { n: hours, m: rest });
}

/** Return the weekday in a sentence: "thứ Ba" for one day, short names for several. */
function weekdayIn(day: string, tongue: Tongue, short: boolean): string {
  if (short) return weekdayShort(day, tongue);
  const name = weekdayName(day, tongue);
  return tongue === 'vi' ? name.charAt(0).toLocaleLowerCase('vi') + name.slice(1) : name;
}

export function everyWords(repeat: Repeat, day: string, tongue: Tongue, say: Say): string {
  const n = repeat.interval;
  const many = n > 1;
  const days = (repeat.days.length === 0 ? [weekday(day)] : [...repeat.days].sort()).map((one, _, all) => weekdayIn(addDays(mondayOf(day), one - 1), tongue, all.length > 1)).join(', ');
  const date = Number(day.slice(8));
  const nth = weekOfMonth(day) === -1 ? say('rule.nthLast') : say(`rule.nth${weekOfMonth(day) as 1 | 2 | 3 | 4}`);
  const name = weekdayIn(day, tongue, false);
  switch (repeat.every) {
    case 'day':
      return many ? say('rule.days', { n }) : say('rule.day');
    case 'workday':
      return say('rule.workday');
    case 'week':
      return many ? say('rule.weeks', { n, days }) : say('rule.week', { days });
    case 'monthday':
      return many ? say('rule.monthdays', { n, date }) : say('rule.monthday', { date });
    case 'monthweek':
      return many ? say('rule.monthweeks', { n, nth, name }) : say('rule.monthweek', { nth, name });
    case 'year':
      return many ? say('rule.years', { n }) : say('rule.year');
    default:
      return say('rule.once');
  }
}
