/**
 * The rows of one meeting, kept up to date. They are read once, and then the server sends changes. This class owns the
 * connection and uses no screen.
 */
import { address, get } from '../data/client';
import type { Leg, ProgramState, SiteCalled } from '../../server/model';
import type { Entered } from '../rehearsal/results.svelte';

/** A whole row, or the identifier with the changed fields. */
type Changed = Partial<Leg> & Pick<Leg, 'leg_id'>;
/**
 * Milliseconds between two drawings of the board. Chosen. Longer: the operator sees changes later. Shorter: a board of 240 halls
 * is always busy.
 */
const DRAW_MS = 1000;

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
  #again = 0;
  /** The time of the last drawing. */
  #drawn = -DRAW_MS;
  #phoned: (calls: SiteCalled[]) => void;
  #rehearsed: (entries: Entered[]) => void;

  /** `phoned` takes the telephone calls to all sites, after each change. `rehearsed` takes changed results of the rehearsal. */
  constructor(occurrence: string, phoned: (calls: SiteCalled[]) => void, rehearsed: (entries: Entered[]) => void) {
    this.#phoned = phoned;
    this.#rehearsed = rehearsed;
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
    clearTimeout(this.#again);
  }

  #listen(): void {
    this.#source?.close();
    const source = new EventSource(address(`${this.#path}/events`));
    this.#source = source;
    source.addEventListener('open', () => (this.lostAt = null));
    // The browser tries again by itself, except after a refusal. After a refusal all rows are loaded again.
    source.addEventListener('error', () => {
      this.lostAt ??= new Date();
      if (source.readyState === EventSource.CLOSED) this.#again = window.setTimeout(() => void this.begin(), 5000);
    });
    // The first event has all rows; later events have the changed fields. A leg that was removed from the date is marked.
    source.addEventListener('legs', (event) => this.#take(JSON.parse(event.data) as Changed[]));
    source.addEventListener('phoned', (event) => this.#phoned(JSON.parse(event.data) as SiteCalled[]));
    source.addEventListener('rehearsed', (event) => this.#rehearsed(JSON.parse(event.data) as Entered[]));
  }

  /** Read the state of the composed picture. The server sends no event for its changes. */
  async look(): Promise<void> {
    this.program = await get<ProgramState>(this.#program).catch(() => this.program);
  }

  #take(changed: Changed[]): void {
    this.lostAt = null;
    for (const leg of changed) {
      const known = this.#rows.get(leg.leg_id);
      if (known !== undefined || 'state' in leg) this.#rows.set(leg.leg_id, { ...known, ...leg } as Leg);
    }
    this.#draw();
  }

  /** Draw at most once a second, the first time at once: 240 rows may change all the time. */
  #draw(): void {
    if (this.#drawing !== 0) return;
    const rest = Math.max(0, this.#drawn + DRAW_MS - performance.now());
    this.#drawing = window.setTimeout(() => {
      this.#drawing = 0;
      this.#drawn = performance.now();
      this.legs = [...this.#rows.values()].filter((leg) => !leg.taken_off);
    }, rest);
  }
}
