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
  #series = true;

  /** Ask the server. `excluding`: the meeting that is changed. `series`: false for one date of it. */
  ask(excluding = this.#excluding, series = this.#series): void {
    this.#excluding = excluding;
    this.#series = series;
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
      const path = this.#excluding === '' ? '/preview' : `/preview?excluding=${this.#excluding}`;
      const answer = await send<Preview>('POST', path, this.#series ? question : { ...question, rule: '' }, { signal: mine.signal });
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
