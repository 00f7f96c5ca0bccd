/**
 * The card of a phone: it asks the server for the card of a site's code, and sends the ballot. The secret of the phone makes a
 * reload the same card. Each code has a secret of its own, so that nothing joins the cards of two votes. It draws nothing.
 */
import { recall, remember } from '../browser/memory';
import { Timers } from '../browser/timers';
import { t } from '../i18n/card/words.svelte';
import { exchange, Refused, sending } from '../server/client';

/** The answer of `/api/v1/vote-cards`. `choices` null: no ballot yet, or the vote is secret. */
export interface Card {
  site: string;
  number: number;
  vote: string;
  title: string;
  text: string;
  kind: 'motion' | 'election';
  way: 'named' | 'secret';
  options: string[];
  seats: number;
  voted: boolean;
  choices: number[] | null;
  name: string;
  receipt: string;
}

/** Chosen. Longer: people wait without an answer. Shorter: a slow network cannot vote. */
const PATIENCE_MS = 15_000;
/** Chosen. Longer: a phone sees the end of a vote late. Shorter: the phones of large halls burden the server. */
const LOOK_MS = 5_000;

export class PhoneCard {
  /** Null: the server has not given a card. */
  card = $state.raw<Card | null>(null);
  /** The vote has ended while this phone had its card. */
  ended = $state(false);
  busy = $state(false);
  /** The server's sentence about the last refusal. */
  trouble = $state('');
  /** The receipt of the own secret ballot. Usually empty. */
  receipt = $state('');
  private readonly timers = new Timers();
  private readonly phone: string;

  constructor(private readonly code: string) {
    this.phone = phoneOf(code);
  }

  /** Take the card, and look after its vote until the end. Call `close` at the end. */
  async open(): Promise<void> {
    this.busy = true;
    await this.look();
    this.busy = false;
  }

  close(): void {
    this.timers.close();
  }

  /** Send the ballot. Report whether the server has recorded it. */
  async send(choices: readonly number[], name: string): Promise<boolean> {
    if (this.card === null || this.busy) return false;
    this.busy = true;
    const cast = await this.ask('/api/v1/vote-cards/ballot', { vote: this.card.vote, choices, name });
    this.busy = false;
    if (cast && this.card.receipt !== '') this.receipt = this.card.receipt;
    return cast;
  }

  private async look(): Promise<void> {
    const known = this.card !== null;
    await this.ask('/api/v1/vote-cards', {});
    if (!this.ended && (known || this.card !== null)) this.timers.later(LOOK_MS, () => void this.look());
  }

  private async ask(path: string, more: object): Promise<boolean> {
    try {
      const { value } = await exchange(path, sending('POST', { code: this.code, phone: this.phone, ...more }), PATIENCE_MS);
      this.card = value as Card;
      this.trouble = '';
      return true;
    } catch (error) {
      if (error instanceof Refused && error.code === 'vote_code_wrong' && this.card !== null) this.ended = true;
      else this.trouble = error instanceof Refused ? error.message : t('app.offline');
      return false;
    }
  }
}

/** Return the secret of this phone for a code: the kept one, or a new one of 128 bits. */
function phoneOf(code: string): string {
  const [known, secret] = (recall('phoneCard') ?? '').split(' ');
  if (known === code && secret !== undefined) return secret;
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const made = btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  remember('phoneCard', `${code} ${made}`);
  return made;
}
