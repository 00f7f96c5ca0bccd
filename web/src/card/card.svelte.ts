/**
 * The card of a phone: it asks the server for the card of a site's code, and sends the ballot. The secret of the phone makes a
 * reload the same card. Each code has a secret of its own, so that nothing joins the cards of two votes. A phone whose card
 * belongs to an open vote keeps the card, also if a person opens another code. It draws nothing.
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
/** The refusals that say that a phone has no card by a code. A phone with a card is never refused with `too_many_requests`. */
const NO_CARD = ['vote_code_wrong', 'vote_cards_used', 'vote_cards_withdrawn', 'too_many_requests'];

export class PhoneCard {
  /** Null: the server has not given a card. */
  card = $state.raw<Card | null>(null);
  /** The vote has ended or was annulled while this phone had its card. The page then keeps nothing of the card. */
  ended = $state(false);
  /** At the end: what this phone knows about its last ballot. Empty: it sent none. */
  last = $state<'' | 'recorded' | 'unanswered'>('');
  /** The site has taken this card back, and has a new code. */
  withdrawn = $state(false);
  busy = $state(false);
  /** The server's sentence about the last refusal. */
  trouble = $state('');
  /** The receipt of the own secret ballot. Usually empty. */
  receipt = $state('');
  private readonly timers = new Timers();
  /** The ballots that this phone has sent. A look that began before the last one is dropped. */
  private sends = 0;
  /** The server has not answered the last ballot. */
  private unanswered = false;
  /** Empty: this phone has asked for no card of the code. */
  private phone: string;

  constructor(private code: string) {
    this.phone = kept(code);
  }

  /** Show the card that this phone has, and take none. Call `close` at the end. */
  async resume(): Promise<void> {
    this.busy = true;
    if (this.phone === '') await this.findKept();
    if (this.phone !== '') await this.look();
    this.busy = false;
  }

  /** Show the card that this phone has, or take one, and look after its vote until the end. */
  async open(): Promise<void> {
    await this.resume();
    if (this.phone !== '' || this.trouble !== '') return;
    // The secret is kept before the server answers: a lost answer must not cost the site a card.
    this.phone = made(this.code);
    await this.resume();
  }

  close(): void {
    this.timers.close();
  }

  /** Send the ballot. Report whether the server has recorded it. */
  async send(choices: readonly number[], name: string): Promise<boolean> {
    if (this.card === null || this.busy) return false;
    this.busy = true;
    this.sends += 1;
    const cast = await this.ask('/api/v1/vote-cards/ballot', { vote: this.card.vote, choices, name });
    this.busy = false;
    if (cast && this.card.receipt !== '') this.receipt = this.card.receipt;
    return cast;
  }

  /**
   * Ask for the card of another code that this phone has kept, and go on with this card. There is none if its vote has ended, or
   * if the site has taken the card back. `trouble` says that the server has not answered this.
   */
  private async findKept(): Promise<void> {
    const [code, phone] = pair();
    this.trouble = '';
    if (code === '') return;
    try {
      const { value } = await exchange('/api/v1/vote-cards', sending('POST', { code, phone }), PATIENCE_MS);
      [this.code, this.phone, this.card] = [code, phone, value as Card];
    } catch (error) {
      const refused = error instanceof Refused;
      if (!refused || !NO_CARD.includes(error.code)) this.trouble = refused ? error.message : t('app.offline');
    }
  }

  private async look(): Promise<void> {
    if (this.ended || this.withdrawn) return; // a ballot on its way has told the end
    const known = this.card !== null;
    // The answer of a ballot on its way is newer than a look.
    if (!known || !this.busy) await this.ask('/api/v1/vote-cards', {});
    if (!this.ended && !this.withdrawn && (known || this.card !== null)) this.timers.later(LOOK_MS, () => void this.look());
  }

  private async ask(path: string, more: { choices?: readonly number[]; vote?: string; name?: string }): Promise<boolean> {
    const sends = this.sends;
    try {
      const { value } = await exchange(path, sending('POST', { code: this.code, phone: this.phone, ...more }), PATIENCE_MS);
      if (sends !== this.sends) return false;
      this.card = value as Card;
      this.trouble = '';
      this.unanswered = false;
      return true;
    } catch (error) {
      if (sends === this.sends) this.fail(error, more.choices !== undefined);
      return false;
    }
  }

  private fail(error: unknown, ballot: boolean): void {
    const code = error instanceof Refused ? error.code : '';
    if (ballot) this.unanswered = code === '';
    if (code === 'vote_code_wrong' || code === 'vote_cards_used' || code === 'vote_cards_withdrawn') this.forget();
    if (code === 'vote_cards_withdrawn') {
      this.withdrawn = true;
      this.card = null;
    }
    if (code === 'vote_code_wrong' && this.card !== null) this.end(this.card.voted);
    else this.trouble = error instanceof Refused ? error.message : t('app.offline');
  }

  private end(voted: boolean): void {
    this.last = this.unanswered ? 'unanswered' : voted ? 'recorded' : '';
    this.ended = true;
    this.card = null;
    this.receipt = '';
    this.trouble = '';
  }

  private forget(): void {
    if (kept(this.code) === this.phone) remember('phoneCard', '');
    this.phone = '';
  }
}

/** Return the code and the secret that this phone has kept. Empty: none. */
function pair(): [code: string, secret: string] {
  const [code, secret] = (recall('phoneCard') ?? '').split(' ');
  return code !== undefined && secret !== undefined ? [code, secret] : ['', ''];
}

/** Return the kept secret of this phone for a code. Empty: none. */
function kept(code: string): string {
  const [known, secret] = pair();
  return known === code ? secret : '';
}

/** Make and keep a secret of 128 bits for a code. */
function made(code: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const secret = btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  remember('phoneCard', `${code} ${secret}`);
  return secret;
}
