/** The roll call of one call for its screens: the rows, and the orders of those who chair. */
import { t } from '../../../i18n/call.svelte';
import { reach } from '../../../server/client';
import type { Chairing } from '../chairing.svelte';
import type { Mark } from '../desk';
import { rowsOf } from './roll';

/** The result of `roll_call_again`. */
interface Called {
  called: number;
  refused: { name: string; vi: string; en: string }[];
}

/** The address of the page on which a site reports its delegates. */
export interface SiteLink {
  path: string;
  expires_at: number;
}

export interface Filled {
  delegates: number;
  head: string;
  deputies: string[];
}

const PATIENCE_MS = 10_000;

export class Rolling {
  readonly desk = $derived.by(() => this.chairing.desk);
  readonly roll = $derived(this.desk.roll);
  readonly rows = $derived(rowsOf(this.desk));
  readonly current = $derived(this.rows.find((row) => row.id === this.roll?.at));

  constructor(readonly chairing: Chairing) {}

  prepare(): Promise<boolean> {
    return this.simple('roll_prepare');
  }

  begin(): Promise<boolean> {
    return this.simple('roll_begin');
  }

  pause(): Promise<boolean> {
    return this.simple('roll_pause');
  }

  resume(): Promise<boolean> {
    return this.simple('roll_resume');
  }

  next(): Promise<boolean> {
    return this.simple('roll_next');
  }

  finish(): Promise<boolean> {
    return this.simple('roll_end');
  }

  /** Mark a site. `why`: the reason, usually empty. */
  mark(site: string, presence: Mark, why = ''): Promise<boolean> {
    return this.simple('roll_mark', { site, presence, why });
  }

  report(site: string, filled: Filled): Promise<boolean> {
    return this.simple('report_delegates', { site, ...filled });
  }

  /** Call the terminals of these sites again; of all absent sites without a list. */
  callAgain(sites: string[] = []): Promise<boolean> {
    return this.chairing.act('roll_call_again', async () => {
      const made = (await this.chairing.order('roll_call_again', { sites })) as unknown as Called;
      const names = made.refused.map((one) => one.name).join(', ');
      this.chairing.tell([t('roll.called', { n: made.called }), names === '' ? '' : t('roll.notCalled', { names })].filter(Boolean).join(' '));
    });
  }

  /** Return the link of a site for its own page. Null: the server refused, and the reason is shown. */
  async link(site: string): Promise<SiteLink | null> {
    let made: SiteLink | null = null;
    await this.chairing.act('report_link', async () => {
      made = (await this.chairing.order('report_link', { site })) as unknown as SiteLink;
    });
    return made;
  }

  /** Return the picture of a mark. Throw Refused. */
  async snapshot(id: string, signal: AbortSignal): Promise<Blob> {
    const name = this.chairing.desk.meeting?.name ?? '';
    const path = `/api/v1/conferences/${encodeURIComponent(name)}/roll/${encodeURIComponent(id)}`;
    const answer = await reach(path, { headers: { Authorization: `Bearer ${this.chairing.key}` }, signal }, PATIENCE_MS);
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.blob();
  }

  private simple(order: string, fields: Record<string, unknown> = {}): Promise<boolean> {
    return this.chairing.act(order, () => this.chairing.order(order, fields));
  }
}
