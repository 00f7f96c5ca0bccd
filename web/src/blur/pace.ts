/** Whether a machine keeps up with blurring. Time is handed in, so that this runs anywhere. */

/** Pictures a second that a meeting needs. */
export const ENOUGH_FPS = 8;
const WINDOW_MS = 4_000;
/** Windows in a row: a machine that is busy for a moment keeps its blur. */
const WINDOWS = 2;
/** The first pictures wait for programs that are still being compiled. */
const WARMING = 5;

export class Pace {
  private pictures = 0;
  private busy_ms = 0;
  private since_ms = 0;
  private low = 0;
  private warming = WARMING;

  /** A picture took from `begun_ms` to `ended_ms`. True: the machine is too slow, for long enough to say so. A camera that
   * gives fewer pictures, as in the dark, is no slow machine: only the work counts. */
  took(begun_ms: number, ended_ms: number): boolean {
    if (this.warming > 0) {
      this.warming -= 1;
      this.since_ms = ended_ms;
      return false;
    }
    this.pictures += 1;
    this.busy_ms += ended_ms - begun_ms;
    if (ended_ms - this.since_ms < WINDOW_MS) return false;
    this.low = (this.pictures * 1000) / Math.max(1, this.busy_ms) < ENOUGH_FPS ? this.low + 1 : 0;
    this.pictures = 0;
    this.busy_ms = 0;
    this.since_ms = ended_ms;
    return this.low >= WINDOWS;
  }
}
