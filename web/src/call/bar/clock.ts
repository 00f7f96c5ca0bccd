/** The clock of a meeting. Pure: times in, texts and minutes out. */

/** Return the time of day in 24 hours, such as 09:05, in the time zone of this machine. */
export function clock(now_ms: number): string {
  const now = new Date(now_ms);
  return [now.getHours(), now.getMinutes()].map((one) => String(one).padStart(2, '0')).join(':');
}

/** Return the whole minutes since the beginning. The clock of this machine may be behind the server's clock. */
export function lasted(began_ms: number, now_ms: number): number {
  return Math.max(0, Math.floor((now_ms - began_ms) / 60_000));
}
