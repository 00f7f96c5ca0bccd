/**
 * Asks the server during changes of the form whether the booking is possible. Only the newest answer counts. A question
 * reserves nothing.
 */
import { send } from '../data/client';
import type { Preview } from '../../server/model';
import type { Draft } from './draft.svelte';

/**
 * Milliseconds without a change of the form until the server is asked. Chosen. Longer: the answer is late. Shorter: each
 * key causes a request.
 */
const WAIT_MS = 350;

export class Live {
  answer = $state.raw<Preview | null>(null);
  error = $state.raw<unknown>(null);
  asking = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | null = null;

  constructor(private draft: Draft) {}

  #excluding = '';
  #date: string | null = null;

  /** Ask the server. `excluding`: the meeting that is changed. `date`: the only date of it that is changed. Null: all dates. */
  ask(excluding = this.#excluding, date = this.#date): void {
    this.#excluding = excluding;
    this.#date = date;
    clearTimeout(this.#timer);
    if (!this.draft.asks) {
      this.stop();
      return;
    }
    this.asking = true;
    this.#timer = setTimeout(() => void this.#send(), WAIT_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.answer = null;
    this.error = null;
    this.asking = false;
  }

  async #send(): Promise<void> {
    this.#running?.abort();
    const mine = (this.#running = new AbortController());
    try {
      const question = this.draft.question();
      const date = this.#date === null ? '' : `&excluding_date=${this.#date}`;
      const path = this.#excluding === '' ? '/preview' : `/preview?excluding=${this.#excluding}${date}`;
      const answer = await send<Preview>('POST', path, this.#date === null ? question : { ...question, rule: '' }, { signal: mine.signal });
      if (mine.signal.aborted) return;
      this.answer = answer;
      this.error = null;
    } catch (error) {
      if (mine.signal.aborted) return;
      this.error = error;
      this.answer = null;
    }
    this.asking = false;
  }
}
