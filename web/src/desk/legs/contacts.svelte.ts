/** The technicians of the sites of one date, and the telephone calls that operators have noted. Uses no screen. */
import { get, send } from '../data/client';
import type { SiteCalled, SiteContact } from '../../server/model';

export class Contacts {
  all = $state.raw<SiteContact[]>([]);
  #path: string;
  /** Calls that arrived before the contacts were loaded. */
  #calls: SiteCalled[] | null = null;

  constructor(occurrence: string) {
    this.#path = `/occurrences/${occurrence}/contacts`;
  }

  /** Load the contacts. A failure leaves the old ones: the board works without telephone numbers. */
  async load(): Promise<void> {
    const all = await get<SiteContact[]>(this.#path).catch(() => null);
    if (all === null) return;
    this.all = all;
    if (this.#calls !== null) this.heard(this.#calls);
  }

  of(site: string): SiteContact | undefined {
    return this.#bySite.get(site);
  }

  /** Take the list of all telephone calls. */
  heard(calls: SiteCalled[]): void {
    this.#calls = calls;
    const known = new Map(calls.map((call) => [call.site_id, call]));
    this.all = this.all.map((one) => {
      const called = known.get(one.site_id) ?? null;
      return called?.at === one.called?.at ? one : { ...one, called };
    });
  }

  async note(site: string, called: boolean): Promise<void> {
    const made = await send<SiteCalled | null>('PUT', `${this.#path}/${site}`, { called });
    this.all = this.all.map((one) => (one.site_id === site ? { ...one, called: made } : one));
  }

  #bySite = $derived(new Map(this.all.map((one) => [one.site_id, one])));
}
