/** The rows of one meeting as they change: read once, then told by the server. Owns the connection; knows no screen. */
import { address, get } from '../data/client';
import type { Leg, ProgramState } from '../../server/model';

export class LiveLegs {
  legs = $state.raw<Leg[]>([]);
  program = $state.raw<ProgramState | null>(null);
  loaded = $state(false);
  error = $state.raw<unknown>(null);
  /** Since when nothing has been heard; null: all is well. */
  lostAt = $state<Date | null>(null);
  #source: EventSource | null = null;
  #rows = new Map<string, Leg>();
  #path: string;
  #program: string;
  #drawing = 0;

  constructor(occurrence: string) {
    this.#path = `/occurrences/${occurrence}/legs`;
    this.#program = `/occurrences/${occurrence}/program`;
  }

  async begin(): Promise<void> {
    this.error = null;
    try {
      const rows = await get<Leg[]>(this.#path);
      this.#rows.clear();
      this.#take(rows);
      this.loaded = true;
      await this.look();
      this.#listen();
    } catch (failed) {
      this.error = failed;
    }
  }

  end(): void {
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#drawing);
  }

  #listen(): void {
    this.#source?.close();
    const source = new EventSource(address(`${this.#path}/events`));
    this.#source = source;
    source.addEventListener('open', () => (this.lostAt = null));
    // The browser tries again by itself; after a refusal it does not, and the whole is begun anew.
    source.addEventListener('error', () => {
      this.lostAt ??= new Date();
      if (source.readyState === EventSource.CLOSED) this.#drawing = window.setTimeout(() => void this.begin(), 5000);
    });
    // First all rows, then those that changed; a leg that was taken off the date says so.
    source.addEventListener('legs', (event) => this.#take(JSON.parse(event.data) as Leg[]));
  }

  /** How the picture for halls stands; nobody tells when it changes. */
  async look(): Promise<void> {
    this.program = await get<ProgramState>(this.#program).catch(() => this.program);
  }

  #take(changed: Leg[]): void {
    this.lostAt = null;
    for (const leg of changed) this.#rows.set(leg.leg_id, leg);
    this.#draw();
  }

  /** 240 rows that change at once are drawn once. */
  #draw(): void {
    if (this.#drawing !== 0) return;
    this.#drawing = window.setTimeout(() => {
      this.#drawing = 0;
      this.legs = [...this.#rows.values()].filter((leg) => !leg.taken_off);
    }, 200);
  }
}
