/** Delayed actions that end together with their owner. */
export class Timers {
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();

  later(delay_ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      act();
    }, delay_ms);
    this.timers.add(timer);
  }

  close(): void {
    this.timers.forEach(clearTimeout);
    this.timers.clear();
  }
}
