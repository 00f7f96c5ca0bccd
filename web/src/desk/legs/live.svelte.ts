/**
 * The rows of one meeting, kept up to date. They are read once, and then the server sends changes. This class owns the
 * connection and uses no screen.
 */
import { address, get } from '../data/client';
import type { Leg, ProgramState, SiteCalled } from '../../server/model';

export class LiveLegs {
  legs = $state.raw<Leg[]>([]);
  program = $state.raw<ProgramState | null>(null);
  loaded = $state(false);
  error = $state.raw<unknown>(null);
  /** The time of the loss of the connection. Null: the connection works. */
  lostAt = $state<Date | null>(null);
  #source: EventSource | null = null;
  #rows = new Map<string, Leg>();
  #path: string;
  #program: string;
  #drawing = 0;
  #phoned: (calls: SiteCalled[]) => void;

  /** `phoned` takes the telephone calls to all sites, after each change. */
  constructor(occurrence: string, phoned: (calls: SiteCalled[]) => void) {
    this.#phoned = phoned;
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
    // The browser tries again by itself, except after a refusal. After a refusal all rows are loaded again.
    source.addEventListener('error', () => {
      this.lostAt ??= new Date();
      if (source.readyState === EventSource.CLOSED) this.#drawing = window.setTimeout(() => void this.begin(), 5000);
    });
    // The first event has all rows; later events have the changed rows. A leg that was removed from the date is marked.
    source.addEventListener('legs', (event) => this.#take(JSON.parse(event.data) as Leg[]));
    source.addEventListener('phoned', (event) => this.#phoned(JSON.parse(event.data) as SiteCalled[]));
  }

  /** Read the state of the composed picture. The server sends no event for its changes. */
  async look(): Promise<void> {
    this.program = await get<ProgramState>(this.#program).catch(() => this.program);
  }

  #take(changed: Leg[]): void {
    this.lostAt = null;
    for (const leg of changed) this.#rows.set(leg.leg_id, leg);
    this.#draw();
  }

  /** Draw once for many changes: 240 rows may change at the same time. */
  #draw(): void {
    if (this.#drawing !== 0) return;
    this.#drawing = window.setTimeout(() => {
      this.#drawing = 0;
      this.legs = [...this.#rows.values()].filter((leg) => !leg.taken_off);
    }, 200);
  }
}
