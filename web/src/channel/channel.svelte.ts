/**
 * The channel of the chair: the desk document of one meeting as Svelte state, and orders. It connects again by itself, and
 * continues without a gap. It knows no screen.
 */
import { Timers } from '../browser/timers';
import { language, t } from '../i18n/index.svelte';
import { Refused } from '../server/client';
import { merged, type DeskDocument, type Message, type Refusal, type Welcome } from './messages';

/** The server sends a clock every 10 s. Longer: a dead connection is noticed late. Shorter: a slow network is cut. */
const SILENCE_MS = 25_000;
/** Chosen. Longer: the desk comes back late. Shorter: many pages burden a server that starts. */
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000] as const;
/** A message was wrong, another socket has taken this channel, there are too many, or the meeting is over. */
const FINAL_CODES: readonly number[] = [1007, 1009, 4001, 4002, 4004];
/** Refusals that time may change: the call is not joined yet or joins again, or the server is busy. */
const PASSING: readonly string[] = ['not_in_call', 'conference_not_found', 'too_many_requests', 'too_many_channels', 'hello_late'];

interface Waiting {
  text: string;
  done: (answer: Record<string, unknown>) => void;
  failed: (why: Refused) => void;
}

export class Channel {
  document = $state.raw<DeskDocument>({});
  state = $state<'connecting' | 'open' | 'lost' | 'ended'>('connecting');
  /** The reason why the channel has ended, as a text for the user. */
  why = $state('');
  audience = $state<'host' | 'member'>('member');
  role = $state('');
  /** The identity of this user for the server. Empty until the welcome. */
  identity = $state('');
  /** The bearer token of the next hello, and of the REST routes of the desk. */
  key = $state('');
  /** The orders that this user may give. */
  orders = $state.raw<readonly string[]>([]);
  /** The server's clock minus the clock of this device. */
  skew_ms = $state(0);
  private socket: WebSocket | null = null;
  private session = '';
  private seq = 0;
  private number = 0;
  private tries = 0;
  private final = false;
  private readonly waiting = new Map<number, Waiting>();
  private readonly timers = new Timers();
  private silence: ReturnType<typeof setTimeout> | undefined;

  constructor(
    /** The address of the server, `wss://…`. */
    private readonly url: string,
    /** The token of the call, or the key of a host. */
    token: string,
    /** Called with each message to this participant alone. */
    private readonly told: (message: Record<string, unknown>) => void = () => undefined,
  ) {
    this.key = token;
    this.connect();
  }

  /** The time by the server's clock, in ms since 1970. */
  now(): number {
    return Date.now() + this.skew_ms;
  }

  /** Give an order, and return its answer. Throw Refused. After a lost connection the order is sent again. */
  give(order: string, fields: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    if (this.state === 'ended') return Promise.reject(offline());
    const id = ++this.number;
    const text = JSON.stringify({ id, do: order, with: fields });
    return new Promise((done, failed) => {
      this.waiting.set(id, { text, done, failed });
      if (this.state === 'open') this.socket?.send(text);
    });
  }

  close(): void {
    this.end('');
    this.socket?.close(1000);
  }

  private connect(): void {
    const socket = new WebSocket(`${this.url}/desk`);
    this.socket = socket;
    const own = (act: () => void) => (): void => {
      if (this.socket === socket) act();
    };
    socket.onopen = own(() => {
      const resume = this.session === '' ? {} : { resume: { session: this.session, seq: this.seq } };
      socket.send(JSON.stringify({ hello: { token: this.key, ...resume } }));
    });
    socket.onmessage = (event: MessageEvent<string>) => own(() => this.hear(JSON.parse(event.data) as Message))();
    socket.onclose = (event) => own(() => this.lose(event.code))();
    this.listen();
  }

  /** Count the silence from now on. */
  private listen(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.lose(0), SILENCE_MS);
  }

  private lose(code: number): void {
    const { socket } = this;
    this.socket = null;
    clearTimeout(this.silence);
    socket?.close();
    if (this.state === 'ended') return;
    if (this.final || FINAL_CODES.includes(code)) {
      this.end(this.why);
      return;
    }
    this.state = 'lost';
    const pause_ms = PAUSES_MS[Math.min(this.tries++, PAUSES_MS.length - 1)]!;
    this.timers.later(pause_ms, () => this.connect());
  }

  private end(why: string): void {
    this.state = 'ended';
    this.why = why;
    this.timers.close();
    clearTimeout(this.silence);
    this.forget();
  }

  /** Refuse the orders without an answer: they may have been performed or not. */
  private forget(): void {
    const lost = [...this.waiting.values()];
    this.waiting.clear();
    lost.forEach((one) => one.failed(offline()));
  }

  private hear(message: Message): void {
    this.listen();
    if (message.clock !== undefined) this.skew_ms = message.clock - Date.now();
    if (message.rights !== undefined) this.permit(message.rights);
    if (message.welcome !== undefined) this.greet(message.welcome);
    else if (message.re !== undefined) this.settle(message.re, message);
    else if (message.seq !== undefined) this.apply(message.seq, message);
    else if (message.refused !== undefined) this.refuse(message.refused);
  }

  private greet(welcome: Welcome): void {
    this.session = welcome.session;
    this.identity = welcome.identity;
    this.permit(welcome);
    this.skew_ms = welcome.clock - Date.now();
    if (welcome.key !== undefined) this.key = welcome.key;
    if (!welcome.resumed && this.state === 'lost') this.forget();
    this.tries = 0;
    this.state = 'open';
    this.waiting.forEach((one) => this.socket?.send(one.text));
  }

  private permit(rights: Pick<Welcome, 'audience' | 'role' | 'orders'>): void {
    this.audience = rights.audience;
    this.role = rights.role;
    this.orders = rights.orders;
  }

  private apply(seq: number, message: Message): void {
    if (message.whole !== undefined) this.document = message.whole;
    else if (seq !== this.seq + 1) {
      this.session = ''; // an event is missing: our bug or the server's, which a whole document repairs
      this.lose(0);
      return;
    } else if (message.patch !== undefined) this.document = merged(this.document, message.patch) as DeskDocument;
    else if (message.to_you !== undefined) this.told(message.to_you);
    this.seq = seq;
  }

  private settle(id: number, message: Message): void {
    const found = this.waiting.get(id);
    this.waiting.delete(id);
    if (message.refused !== undefined) found?.failed(new Refused(message.refused.code, textOf(message.refused)));
    else found?.done(message.ok ?? {});
  }

  private refuse(refused: Refusal): void {
    this.why = textOf(refused);
    this.final = !PASSING.includes(refused.code);
  }
}

function textOf(refused: Refusal): string {
  return language() === 'vi' ? refused.vi : refused.en;
}

function offline(): Refused {
  return new Refused('offline', t('app.offline'));
}
