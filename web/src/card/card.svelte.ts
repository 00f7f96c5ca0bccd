/**
 * The card of a phone: it asks the server for the card of a site's code, and sends the ballot. The secret of the phone makes a
 * reload the same card. Each code has a secret of its own, so that nothing joins the cards of two votes. A phone whose card
 * belongs to an open vote shows this card, also if a person opens another code: the code may be a new code of the same site. If the
 * code is of another meeting, the person takes a card there too, and changes between both. It draws nothing.
 */
import { recall, remember } from '../browser/memory';
import { Timers } from '../browser/timers';
import { t } from '../i18n/card/words.svelte';
import { exchange, Refused, sending } from '../server/client';

/** The answer of `/api/v1/vote-cards`. `number` 0: the vote is secret. `choices` null: no ballot yet, or the vote is secret. */
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

/**
 * Chosen: a delegate is in two meetings. More: a page asks for more cards of ended votes, and the server slows such phones. Fewer: a
 * second card replaces the first one.
 */
const KEPT = 2;
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
  /** The code that was opened, while the shown card is of another code. Usually empty. */
  opened = $state('');
  /** The card of the other open vote that this phone keeps. */
  other = $state.raw<{ code: string; card: Card } | null>(null);
  /** The server's sentence about the opened code. */
  note = $state('');
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
    if (this.card !== null && this.opened === '' && this.other === null) await this.findKept();
  }

  /** Show the card that this phone has, or take one, and look after its vote until the end. */
  async open(): Promise<void> {
    await this.resume();
    if (this.phone !== '' || this.trouble !== '') return;
    // The secret is kept before the server answers: a lost answer must not cost the site a card.
    this.phone = made(this.code);
    await this.resume();
  }

  /** Take a card of the opened code beside the shown one. Report whether the phone has it. */
  async takeOpened(): Promise<boolean> {
    if (this.busy) return false;
    const [code, before] = [this.opened, this.card];
    const phone = kept(code) || made(code);
    const known = [before, this.other?.card].flatMap((one) => (one ? [one.vote] : []));
    this.busy = true;
    this.note = '';
    try {
      const { value } = await exchange('/api/v1/vote-cards', sending('POST', { code, phone, known }), PATIENCE_MS);
      if (before !== null && !this.ended) this.other = { code: this.code, card: before };
      this.sends += 1; // a look at the card before is on its way
      [this.code, this.phone, this.card] = [code, phone, value as Card];
      [this.opened, this.receipt, this.trouble, this.last] = ['', '', '', ''];
      const rests = this.ended;
      this.ended = this.unanswered = false;
      if (rests) this.timers.later(LOOK_MS, () => void this.look());
      return true;
    } catch (error) {
      const refused = error instanceof Refused && error.code !== 'offline';
      if (refused) drop(code); // without an answer, the server may have given the card
      if (refused && error.code === 'vote_card_kept') this.opened = '';
      this.note = refused ? error.message : t('app.offline');
      return false;
    } finally {
      this.busy = false;
    }
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
   * Ask for the cards of other codes that this phone has kept. A phone without a card of the opened code goes on with the newest of
   * these cards. There is none if its vote has ended, or if the site has taken the card back. `trouble` says that the server has not
   * answered this.
   */
  private async findKept(): Promise<void> {
    const needs = this.phone === '';
    if (needs) this.trouble = '';
    for (const [code, phone] of pairs().filter(([known]) => known !== this.code)) {
      try {
        const card = (await exchange('/api/v1/vote-cards', sending('POST', { code, phone }), PATIENCE_MS)).value as Card;
        if (this.card !== null) this.other = { code, card };
        else [this.opened, this.code, this.phone, this.card] = [this.code, code, phone, card];
      } catch (error) {
        const refused = error instanceof Refused;
        if (refused && NO_CARD.includes(error.code)) {
          if (error.code !== 'too_many_requests') drop(code);
        } else if (needs && this.card === null) this.trouble = refused ? error.message : t('app.offline');
      }
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
    this.receipt = this.trouble = this.note = '';
  }

  private forget(): void {
    if (kept(this.code) === this.phone) drop(this.code);
    this.phone = '';
  }
}

/** Return the codes and the secrets that this phone has kept, the newest first. */
function pairs(): [code: string, secret: string][] {
  const words = (recall('phoneCard') ?? '').split(' ');
  const found: [string, string][] = [];
  for (let at = 0; at + 1 < words.length; at += 2) found.push([words[at]!, words[at + 1]!]);
  return found;
}

function keep(every: [code: string, secret: string][]): void {
  remember('phoneCard', every.slice(0, KEPT).flat().join(' '));
}

/** Return the kept secret of this phone for a code. Empty: none. */
function kept(code: string): string {
  return pairs().find(([known]) => known === code)?.[1] ?? '';
}

/** Forget the secret for a code. */
function drop(code: string): void {
  keep(pairs().filter(([known]) => known !== code));
}

/** Make and keep a secret of 128 bits for a code. */
function made(code: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const secret = btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  keep([[code, secret], ...pairs().filter(([known]) => known !== code)]);
  return secret;
}
