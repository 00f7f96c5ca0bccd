/**
 * The lobby as a host sees it: the waiting people and the decisions about them. It is used in the call and on the page of a
 * meeting.
 */
import { Refused } from '../../server/client';
import { admitFromLobby, denyFromLobby, lookLobby, pardonFromLobby, switchLobby } from '../../server/routes';
import { t } from '../../i18n/index.svelte';
import type { LobbyView, Waiter } from '../../server/model';

/**
 * Milliseconds between two requests for news, also if the server answers at once. Chosen. Longer: a knock is shown later.
 * Shorter: many changes cause many requests.
 */
const PAUSE_MS = 700;
/**
 * The same pause while the server does not answer. Longer: the lobby returns later. Shorter: many pages burden a server
 * that starts.
 */
const OFFLINE_PAUSE_MS = 4_000;

export class Lobby {
  waiting = $state.raw<Waiter[]>([]);
  on = $state(false);
  /** The number of people who were refused permanently. */
  barred = $state(0);
  /** True after the first answer of the server. */
  known = $state(false);
  offline = $state(false);
  /** The server no longer accepts the key: this page cannot decide. */
  closed = $state(false);
  trouble = $state('');
  busy = $state('');
  private readonly stopping = new AbortController();
  private seen = new Set<string>();

  constructor(
    private readonly conference: string,
    private readonly key: string,
    /** Called when a new person has knocked. */
    private readonly knocked: () => void,
  ) {
    void this.run();
  }

  close(): void {
    this.stopping.abort();
  }

  admit(one: Waiter): Promise<void> {
    return this.act(one.id, () => admitFromLobby(this.conference, this.key, { ids: [one.id] }));
  }

  /** Admit the people who are shown now. A host must first see the people who have arrived since. */
  admitAll(): Promise<void> {
    const ids = this.waiting.map((one) => one.id);
    return this.act('all', () => admitFromLobby(this.conference, this.key, { ids }));
  }

  deny(one: Waiter, why: string, final: boolean): Promise<void> {
    return this.act(one.id, () => denyFromLobby(this.conference, this.key, one.id, why, final));
  }

  pardon(): Promise<void> {
    return this.act('pardon', () => pardonFromLobby(this.conference, this.key));
  }

  turn(on: boolean): Promise<void> {
    return this.act('switch', async () => this.take(await switchLobby(this.conference, this.key, on)));
  }

  private async act(what: string, doing: () => Promise<void>): Promise<void> {
    if (this.busy !== '') return;
    this.busy = what;
    this.trouble = '';
    try {
      await doing();
      // The long request brings the change too, but not sooner than this request.
      this.take(await lookLobby(this.conference, this.key, null, this.stopping.signal));
    } catch (error) {
      this.trouble = error instanceof Refused ? error.message : t('app.offline');
    } finally {
      this.busy = '';
    }
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    let revision: number | null = null;
    while (!signal.aborted) {
      const found: LobbyView | Error = await lookLobby(this.conference, this.key, revision, signal).catch((error: Error) => error);
      if (signal.aborted) return;
      if (found instanceof Error) {
        this.closed = found instanceof Refused && ['removed', 'denied', 'token_expired', 'signed_out', 'ended', 'cancelled', 'not_invited', 'class_forbids'].includes(found.code);
        if (this.closed) return;
        this.offline = true;
        revision = null;
      } else {
        this.offline = false;
        revision = found.revision;
        this.take(found);
      }
      await new Promise((resolve) => setTimeout(resolve, this.offline ? OFFLINE_PAUSE_MS : PAUSE_MS));
    }
  }

  private take(found: LobbyView): void {
    const knocked = found.waiting.some((one) => !this.seen.has(one.id));
    this.seen = new Set(found.waiting.map((one) => one.id));
    this.on = found.on;
    this.barred = found.barred;
    this.known = true;
    this.waiting = found.waiting;
    if (knocked) this.knocked();
  }
}
