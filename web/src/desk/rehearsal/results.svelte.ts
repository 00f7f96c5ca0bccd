/** The results of a rehearsal at each site, as an operator enters them. Uses no screen. */
import { codeOf, get, send } from '../data/client';
import type { Rehearsal, RehearsalSite, SiteResult } from '../../server/model';

export const RESULTS = ['picture', 'sound_in', 'sound_out', 'name_plate'] as const;
export type ResultName = (typeof RESULTS)[number];

/** What was entered for a site, as the server sends it after a change. */
export type Entered = Pick<RehearsalSite, 'site_id' | 'result' | 'by_site' | 'signed_at' | 'signed_name' | 'version'>;

/** Return what failed in a signed result. */
export function failedOf(site: RehearsalSite): ResultName[] {
  return site.signed_at === null ? [] : RESULTS.filter((name) => site.result[name] === false);
}

/** Sort the sites into signed sites, signed sites where something failed, and sites without a signature. */
export function tally(sites: RehearsalSite[]): { signed: RehearsalSite[]; bad: RehearsalSite[]; open: RehearsalSite[] } {
  const [signed, open] = [sites.filter((one) => one.signed_at !== null), sites.filter((one) => one.signed_at === null)];
  return { signed, bad: signed.filter((one) => failedOf(one).length > 0), open };
}

export class Results {
  of = $state.raw<Rehearsal | null>(null);
  #path: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(occurrence: string) {
    this.#path = `/occurrences/${occurrence}/rehearsal`;
  }

  /** Load the results. A failure leaves the old ones. */
  async load(): Promise<void> {
    const found = await get<Rehearsal | null>(this.#path).catch(() => undefined);
    if (found !== undefined) this.of = found;
  }

  /** Take the changed results of sites. A site that this page does not know is loaded. */
  heard(entries: Entered[]): void {
    if (this.of === null || entries.some((one) => !this.#bySite.has(one.site_id))) {
      void this.load();
      return;
    }
    const newer = new Map(entries.filter((one) => one.version > (this.site(one.site_id)?.version ?? 0)).map((one) => [one.site_id, one]));
    if (newer.size > 0) this.of = { ...this.of, sites: this.of.sites.map((one) => ({ ...one, ...newer.get(one.site_id) })) };
  }

  site(id: string): RehearsalSite | undefined {
    return this.#bySite.get(id);
  }

  /** Store a change of one site. With `sign`, what is not ticked counts as failed. The changes of one page do not overlap. */
  async enter(id: string, part: Partial<SiteResult>, sign = false): Promise<void> {
    const mine = this.#last.then(async () => {
      try {
        await this.#send(id, part, sign);
      } catch (failed) {
        await this.load();
        if (codeOf(failed) !== 'result_changed') throw failed;
        await this.#send(id, part, sign); // another user changed other fields of the site
      }
    });
    this.#last = mine.catch(() => undefined);
    await mine;
  }

  async #send(id: string, part: Partial<SiteResult>, sign: boolean): Promise<void> {
    const known = this.site(id);
    if (known === undefined) return;
    const result = { ...known.result, ...part };
    if (sign) for (const name of RESULTS) result[name] ??= false;
    this.#put(await send<RehearsalSite>('PUT', `${this.#path}/${id}`, { ...result, sign, version: known.version }));
  }

  #put(site: RehearsalSite): void {
    if (this.of !== null) this.of = { ...this.of, sites: this.of.sites.map((one) => (one.site_id === site.site_id ? { ...site, link: one.link } : one)) };
  }

  #bySite = $derived(new Map((this.of?.sites ?? []).map((one) => [one.site_id, one])));
}
