/**
 * The wait in the lobby of a meeting. This class asks the server for the state until a host has decided. It owns no screen
 * and no pass.
 */
import { Refused } from '../server/client';
import { leaveLobby, lobbyStanding } from '../server/routes';
import type { Standing, Waiting } from '../server/model';

/**
 * Chosen. The pause between two requests, also when the server answers at once. Longer: the admission is noticed later.
 * Shorter: many waiting pages burden the server.
 */
const PAUSE_MS = 1_000;
/**
 * The same pause while the server does not answer. Longer: the page returns later. Shorter: many pages burden a server that
 * starts.
 */
const OFFLINE_PAUSE_MS = 3_000;
const MINUTE_MS = 60_000;

interface Outcome {
  /** Called when a host admits the person: the ticket now gives the pass. */
  admitted: () => void;
  /**
   * Called when the server no longer knows the ticket, after its restart or after a sleep of the machine. The page must ask
   * for a new one.
   */
  lost: () => void;
}

export class Wait {
  state = $state<Standing['state']>('waiting');
  hosted = $state(false);
  offline = $state(false);
  minutes = $state(0);
  why = $state.raw({ vi: '', en: '' });
  /** The time at which the wait ends by itself, in ms. */
  until_ms = $state(0);
  private readonly begun_ms = Date.now();
  private readonly stopping = new AbortController();
  private readonly clock = setInterval(() => (this.minutes = Math.floor((Date.now() - this.begun_ms) / MINUTE_MS)), 5_000);

  constructor(
    readonly waiting: Waiting,
    private readonly outcome: Outcome,
  ) {
    this.hosted = waiting.hosted;
    this.until_ms = waiting.expires_at * 1000;
    void this.run();
  }

  /** Leave the lobby when the person stops waiting or the page closes. The host sees this at once. */
  leave(): void {
    const waited = this.state === 'waiting' && !this.stopping.signal.aborted;
    this.close();
    if (waited) void leaveLobby(this.waiting);
  }

  /** Stop asking. */
  close(): void {
    clearInterval(this.clock);
    this.stopping.abort();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (this.state === 'waiting') {
      const asked_ms = Date.now();
      const heard = await lobbyStanding(this.waiting, signal).catch((error: unknown) => error);
      if (signal.aborted) return;
      if (heard instanceof Refused && heard.code === 'knock_unknown') return this.end(this.outcome.lost);
      this.offline = heard instanceof Error;
      if (!(heard instanceof Error)) this.take(heard as Standing);
      if (this.state === 'waiting') await sleep(this.offline ? OFFLINE_PAUSE_MS : PAUSE_MS - (Date.now() - asked_ms), signal);
      if (signal.aborted) return;
    }
    if (this.state === 'admitted') this.end(this.outcome.admitted);
    else if (this.state === 'gone') this.end(this.outcome.lost);
    else this.close();
  }

  private take(heard: Standing): void {
    this.hosted = heard.hosted;
    this.until_ms = heard.expires_at * 1000;
    this.why = { vi: heard.vi, en: heard.en };
    this.state = heard.state;
  }

  private end(then: () => void): void {
    this.close();
    then();
  }
}

/** Return at once if the time is 0, without a timer: in a background page a timer can be a minute late. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
