/**
 * Short messages to the person. A message is shown for some seconds, and screen readers read it. Several arrivals make one
 * sentence.
 */
import { Timers } from '../../browser/timers';
import { t, type AnyKey } from '../../i18n/call.svelte';

export interface Notice {
  id: number;
  text: string;
  /** An action of the person failed. */
  failure: boolean;
  /** The identity of the writer in the chat. Null: the notice is not from the chat. */
  writer: string | null;
}

/** The events that are told together in one sentence. */
export type Gathered = 'joined' | 'left' | 'agree' | 'disagree' | 'clap';

/**
 * Notices on the screen at once; the oldest goes first. Chosen. More: notices cover pictures. Fewer: notices vanish unread.
 */
const MOST_SHOWN = 3;
/**
 * Milliseconds for which a notice is shown. Chosen. Longer: notices cover pictures. Shorter: people cannot read the notice.
 */
const SHOWN_MS = 6_000;
/** Characters of a chat message in a notice. */
const MOST_CHARACTERS = 160;
/**
 * Milliseconds in which several arrivals (or departures) make one notice. Chosen. Longer: the notice is late. Shorter: many
 * people who join cause many notices.
 */
const GATHER_MS = 1_200;

export class Notices {
  shown = $state.raw<Notice[]>([]);
  private serial = 0;
  private readonly gathered = new Map<Gathered, string[]>();
  private readonly timers = new Timers();

  tell(text: string, failure = false): void {
    this.show(text, failure, null);
  }

  /** Show a chat message in place of an older one of the same person. */
  wrote({ identity, name, text }: { identity: string; name: string; text: string }): void {
    const words = text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
    this.shown = this.shown.filter((other) => other.writer !== identity);
    this.show(t('notice.chat', { name, text: words }), false, identity);
  }

  /** Remove the chat notices: the chat is open, and the person reads the messages there. */
  forgetChat(): void {
    if (this.shown.some((one) => one.writer !== null)) this.shown = this.shown.filter((one) => one.writer === null);
  }

  /** Gather an arrival, a departure or a reaction. The same person counts once. */
  moved(what: Gathered, name: string): void {
    const names = this.gathered.get(what);
    if (names !== undefined) {
      if (!names.includes(name) || what === 'joined' || what === 'left') names.push(name);
      return;
    }
    this.gathered.set(what, [name]);
    this.timers.later(GATHER_MS, () => this.tellMoved(what));
  }

  /** Forget the arrivals and departures that wait for their notice. */
  forgetMoves(): void {
    this.gathered.clear();
  }

  close(): void {
    this.timers.close();
    this.shown = [];
  }

  private tellMoved(what: Gathered): void {
    const names = this.gathered.get(what) ?? [];
    this.gathered.delete(what);
    const key: AnyKey = names.length > 1 ? `notice.${what}Many` : `notice.${what}`;
    if (names[0] !== undefined) this.tell(t(key, { name: names[0], n: names.length - 1 }));
  }

  private show(text: string, failure: boolean, writer: string | null): void {
    const notice = { id: (this.serial += 1), text, failure, writer };
    this.shown = [...this.shown, notice].slice(-MOST_SHOWN);
    this.timers.later(SHOWN_MS, () => (this.shown = this.shown.filter((other) => other.id !== notice.id)));
  }
}
