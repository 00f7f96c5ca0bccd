/** The orders about the agenda. */
import { nearestClock } from '../breaks/pauses';
import type { Chairing } from '../chairing.svelte';
import { moved, withDraft, without, type Draft } from './agenda';

export class Planning {
  constructor(private readonly chairing: Chairing) {}

  /** End the current item, and begin the next one or the given one. */
  next(item = ''): Promise<boolean> {
    return this.chairing.simple('agenda_next', { item });
  }

  finish(): Promise<boolean> {
    return this.chairing.simple('agenda_finish', {});
  }

  skip(item: string): Promise<boolean> {
    return this.chairing.simple('agenda_skip', { item });
  }

  /** Make an item that is done or was left out the next item. */
  back(item: string): Promise<boolean> {
    return this.chairing.simple('agenda_return', { item });
  }

  /** Add the item of a draft, or change it. A time that was not changed stays. */
  put(draft: Draft, kept: number | null): Promise<boolean> {
    const at = draft.at === '' ? null : (kept ?? nearestClock(draft.at, this.chairing.now_ms));
    return this.chairing.simple('agenda_set', { items: withDraft(this.chairing.desk.agenda, draft, at) });
  }

  drop(item: string): Promise<boolean> {
    return this.chairing.simple('agenda_set', { items: without(this.chairing.desk.agenda, item) });
  }

  move(item: string, by: 1 | -1): Promise<boolean> {
    return this.chairing.simple('agenda_order', { items: moved(this.chairing.desk.agenda, item, by) });
  }
}
