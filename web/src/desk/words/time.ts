/** Time in the format of an office in Vietnam. Pure. The server gets UTC; the pages show UTC+7. */

/** Asia/Ho_Chi_Minh has had only this offset since 1975. */
export const OFFSET = '+07:00';
const OFFSET_MS = 7 * 3_600_000;
export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

/** Return the instant of a day and time in Vietnam, such as `2026-11-30` and `14:05`. */
export function instant(day: string, clock: string): Date {
  return new Date(`${day}T${clock.padStart(5, '0')}:00${OFFSET}`);
}

/** Return the day in Vietnam: `2026-11-30`. */
export function dayOf(at: Date | string): string {
  return local(at).toISOString().slice(0, 10);
}

/** Return the time in Vietnam: `14:05`. */
export function clockOf(at: Date | string): string {
  return local(at).toISOString().slice(11, 16);
}

/** Return a date whose UTC parts show the Vietnamese time. Use it only for display and for arithmetic with days. */
export function local(at: Date | string): Date {
  return new Date(new Date(at).getTime() + OFFSET_MS);
}

export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** Return 1 for Monday … 7 for Sunday. */
export function weekday(day: string): number {
  return ((new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7) + 1;
}

export function mondayOf(day: string): string {
  return addDays(day, 1 - weekday(day));
}

/** Return the day as dd/mm/yyyy. */
export function shownDay(day: string): string {
  const [year, month, date] = day.split('-');
  return `${date}/${month}/${year}`;
}

const TYPED = /^(\d{1,2})[\s./-]+(\d{1,2})(?:[\s./-]+(\d{2}|\d{4}))?$/;
const TOGETHER = /^(\d{2})(\d{2})(\d{2}|\d{4})$/;
const WRITTEN = /^(\d{4})-(\d{2})-(\d{2})$/;

/**
 * Return the day that a person typed, with the day first: `5/3`, `5.3.26`, `05-03-2026`, `05032026`; also `2026-03-05`. A day
 * without a year is the next such day from `today` on. Null: the text is no day, or the year is incomplete (only `20`).
 */
export function typedDay(text: string, today: string): string | null {
  const trimmed = text.trim();
  const written = WRITTEN.exec(trimmed);
  if (written !== null) return real(Number(written[1]), Number(written[2]), Number(written[3]));
  const [, day, month, year] = TYPED.exec(trimmed) ?? TOGETHER.exec(trimmed) ?? [];
  if (day === undefined || month === undefined || year === '19' || year === '20') return null;
  if (year !== undefined) return real(Number(year) + (year.length === 2 ? 2000 : 0), Number(month), Number(day));
  const now = Number(today.slice(0, 4));
  const found = real(now, Number(month), Number(day));
  return found !== null && found >= today ? found : real(now + 1, Number(month), Number(day));
}

function real(year: number, month: number, day: number): string | null {
  if (year < 1900 || year > 2200) return null;
  const found = new Date(Date.UTC(year, month - 1, day));
  return found.getUTCMonth() === month - 1 && found.getUTCDate() === day ? found.toISOString().slice(0, 10) : null;
}

/** Return the same day of another month, or the last day of that month. */
export function addMonths(day: string, months: number): string {
  const [year = 0, month = 0, date = 0] = day.split('-').map(Number);
  const first = new Date(Date.UTC(year, month - 1 + months, 1));
  const last = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  return new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth(), Math.min(date, last))).toISOString().slice(0, 10);
}

/** Return the weeks, from Monday, that have days in the month of `day`. */
export function weeksOf(day: string): string[][] {
  const first = mondayOf(`${day.slice(0, 7)}-01`);
  const starts = [0, 7, 14, 21, 28, 35].map((days) => addDays(first, days));
  const inside = starts.filter((start) => start.slice(0, 7) <= day.slice(0, 7));
  return inside.map((start) => [0, 1, 2, 3, 4, 5, 6].map((days) => addDays(start, days)));
}

const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];

/** Return the month as text: Tháng 11/2026. */
export function monthName(day: string, tongue: Tongue): string {
  const [year, month] = day.split('-');
  return tongue === 'vi' ? `Tháng ${Number(month)}/${year}` : `${MONTHS[Number(month) - 1]} ${year}`;
}

const WEEKDAYS = {
  vi: ['Thứ Hai', 'Thứ Ba', 'Thứ Tư', 'Thứ Năm', 'Thứ Sáu', 'Thứ Bảy', 'Chủ nhật'],
  en: ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'],
};
const SHORT = { vi: ['T2', 'T3', 'T4', 'T5', 'T6', 'T7', 'CN'], en: ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] };
export type Tongue = keyof typeof WEEKDAYS;

export function weekdayName(day: string, tongue: Tongue): string {
  return WEEKDAYS[tongue][weekday(day) - 1]!;
}

export function weekdayShort(day: string, tongue: Tongue): string {
  return SHORT[tongue][weekday(day) - 1]!;
}

/** Return the day as text: Thứ Hai, 30/11/2026. */
export function longDay(at: Date | string, tongue: Tongue): string {
  const day = typeof at === 'string' && at.length === 10 ? at : dayOf(at);
  return `${weekdayName(day, tongue)}, ${shownDay(day)}`;
}

/** Return the times as text: 08:00 - 10:30. */
export function span(startsAt: string, endsAt: string): string {
  return `${clockOf(startsAt)} - ${clockOf(endsAt)}`;
}

/** Return day and times as text: Thứ Hai, 30/11/2026, 08:00 - 10:30. */
export function longSpan(startsAt: string, endsAt: string, tongue: Tongue): string {
  return `${longDay(startsAt, tongue)}, ${span(startsAt, endsAt)}`;
}

/** Return day and time as text: 30/11/2026 08:00. */
export function stamp(at: string): string {
  return `${shownDay(dayOf(at))} ${clockOf(at)}`;
}

/** Return the first and the last day of a span from midnight to midnight. Null: one end is within a day. */
export function wholeDays(startsAt: string, endsAt: string): { from: string; to: string } | null {
  if (Date.parse(endsAt) <= Date.parse(startsAt) || [startsAt, endsAt].some((at) => (new Date(at).getTime() + OFFSET_MS) % DAY_MS !== 0)) return null;
  return { from: shownDay(dayOf(startsAt)), to: shownDay(addDays(dayOf(endsAt), -1)) };
}

export function plusMinutes(at: Date, minutes: number): Date {
  return new Date(at.getTime() + minutes * MINUTE_MS);
}

/** The quarters of an hour at which a meeting may start: `06:00` … `21:45`. */
export const QUARTERS = Array.from({ length: 64 }, (_, n) => {
  const minutes = 6 * 60 + n * 15;
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
});

/** Return the quarters of an hour, with `clock` among them. */
export function clocksWith(clock: string): string[] {
  return QUARTERS.includes(clock) ? QUARTERS : [...QUARTERS, clock].sort();
}

/** Return the next suitable start: at least half an hour from now, in working time, on a working day. */
export function nextStart(now: Date): { day: string; clock: string } {
  const soon = plusMinutes(now, 30);
  const half = new Date(Math.ceil(soon.getTime() / (30 * MINUTE_MS)) * 30 * MINUTE_MS);
  let day = dayOf(half);
  let clock = clockOf(half);
  if (clock > '16:00') [day, clock] = [addDays(day, 1), '08:00'];
  if (clock < '07:30') clock = '08:00';
  if (clock > '10:30' && clock < '13:30') clock = '13:30';
  while (weekday(day) > 5) [day, clock] = [addDays(day, 1), '08:00'];
  return { day, clock };
}

/** Return the proposed start of a rehearsal: the working day before the meeting, at the same hour. If that hour is over, return the
 * next suitable start from now. If the rehearsal would not end before the meeting, return the start at which it does. */
export function rehearsalStart(meeting: { day: string; clock: string }, minutes: number, now: Date): { day: string; clock: string } {
  let before = addDays(meeting.day, -1);
  while (weekday(before) > 5) before = addDays(before, -1);
  if (instant(before, meeting.clock) > now) return { day: before, clock: meeting.clock };
  const latest = plusMinutes(instant(meeting.day, meeting.clock), -minutes);
  const soon = nextStart(now);
  return instant(soon.day, soon.clock) <= latest ? soon : { day: dayOf(latest), clock: clockOf(latest) };
}
