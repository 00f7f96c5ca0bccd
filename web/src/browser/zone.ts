/** The time of the province. All pages show it, so that two people at two places read the same time. Pure. */
export const ZONE = 'Asia/Ho_Chi_Minh';
/** The zone has had only this offset since 1975. */
const OFFSET_MS = 7 * 3_600_000;
const DAY_MS = 86_400_000;
const CLOCK = new Intl.DateTimeFormat('en-GB', { timeZone: ZONE, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

/** Return the time of day, such as 09:05. `at`: a time, or milliseconds since 1970. */
export function clockOf(at: Date | number): string {
  return CLOCK.format(at);
}

/** Return the beginning of the day, in ms since 1970. */
export function dayStart(now_ms: number): number {
  return Math.floor((now_ms + OFFSET_MS) / DAY_MS) * DAY_MS - OFFSET_MS;
}
