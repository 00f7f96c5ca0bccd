/**
 * Whether the processor of this machine is at its limit, while somebody asks. Chromium tells (W3C Compute Pressure); of other browsers
 * a timer that comes late has to do.
 */
type State = 'nominal' | 'fair' | 'serious' | 'critical';
interface Observer {
  observe(source: 'cpu', options: { sampleInterval: number }): Promise<void>;
  disconnect(): void;
}
type Observing = new (told: (records: readonly { state: State }[]) => void) => Observer;

const SAMPLE_MS = 1_000;
/** A timer that is this late had no processor. */
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
    // Refused where the page may not know or the machine cannot tell: timers have to do.
    observer.observe('cpu', { sampleInterval: SAMPLE_MS }).catch(() => undefined);
  }

  /** `late_ms`: by how much the timer came late that asks; browsers hold back those of pages that nobody sees. */
  busy(late_ms: number): boolean {
    return this.high || (late_ms > LATE_MS && !document.hidden);
  }

  close(): void {
    this.observer?.disconnect();
  }
}
