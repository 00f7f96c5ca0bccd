/** Decides whether a machine is fast enough for the blur. The caller passes the time, so that tests need no clock. */

/**
 * Chosen. The pictures a second that a meeting needs. Larger: usable machines lose the blur. Smaller: the picture is too
 * jerky.
 */
export const ENOUGH_FPS = 8;
/**
 * Milliseconds over which the rate of pictures is measured. Chosen. Longer: a slow machine is noticed later. Shorter: a
 * short delay counts as slow.
 */
const WINDOW_MS = 4_000;
/**
 * Chosen. Slow windows in a row before the blur counts as slow. Larger: a slow machine is noticed later. Smaller: a machine
 * that is busy for a moment loses its blur.
 */
const WINDOWS = 2;
/**
 * Chosen. The first pictures wait for programs that still compile, so they do not count. Larger: a slow machine is noticed
 * later. Smaller: a fast machine counts as slow.
 */
const WARMING = 5;

export class Pace {
  private pictures = 0;
  private busy_ms = 0;
  private since_ms = 0;
  private low = 0;
  private warming = WARMING;

  /**
   * Record a picture that took from `begun_ms` to `ended_ms`. Return true if the machine has been too slow for long enough. A
   * camera that gives fewer pictures, for example in the dark, does not make a machine slow: only the work counts.
   */
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
