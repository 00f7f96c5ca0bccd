/**
 * Measures whether the processor of this machine is at its limit. Chromium reports this state (W3C Compute Pressure). In
 * other browsers a timer that fires late shows it.
 */
type State = 'nominal' | 'fair' | 'serious' | 'critical';
interface Observer {
  observe(source: 'cpu', options: { sampleInterval: number }): Promise<void>;
  disconnect(): void;
}
type Observing = new (told: (records: readonly { state: State }[]) => void) => Observer;

const SAMPLE_MS = 1_000;
/**
 * Chosen. A timer that is this late got no processor time. Larger: a busy machine is not noticed. Smaller: an idle machine
 * counts as busy.
 */
const LATE_MS = 250;

export class Pressure {
  private high = false;
  private observer: Observer | null = null;

  constructor() {
    const Observing = (globalThis as { PressureObserver?: Observing }).PressureObserver;
    if (Observing === undefined) return;
    const observer = new Observing((records) => {
      const last = records.at(-1);
      if (last !== undefined) this.high = last.state === 'serious' || last.state === 'critical';
    });
    this.observer = observer;
    // The browser refuses if the page may not know the state or the machine cannot measure it. The late timer then decides.
    observer.observe('cpu', { sampleInterval: SAMPLE_MS }).catch(() => undefined);
  }

  /**
   * Report whether the processor is busy. `late_ms`: the delay of the caller's timer. Browsers delay the timers of hidden
   * pages, so a hidden page ignores the delay.
   */
  busy(late_ms: number): boolean {
    return this.high || (late_ms > LATE_MS && !document.hidden);
  }

  close(): void {
    this.observer?.disconnect();
  }
}
