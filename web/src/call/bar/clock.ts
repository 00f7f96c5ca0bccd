/** How long a meeting has lasted. Pure. */

/** Return the whole minutes since the beginning. The clock of this machine may be behind the server's clock. */
export function lasted(began_ms: number, now_ms: number): number {
  return Math.max(0, Math.floor((now_ms - began_ms) / 60_000));
}
