/** Searches for several forms. The server ignores diacritics and treats đ as d. */
import { t } from '../../i18n/desk.svelte';
import { all, get, send, type Page } from '../data/client';
import { may } from '../data/session.svelte';
import type { Hall, MeetingType, Network, Person, RecipientSet, Site, Terminal, Unit } from '../../server/model';
import { matches } from '../words/plain';
import type { Option } from './Picker.svelte';

/** Results that one search shows. Chosen. More: a long list. Fewer: the user must type more characters. */
const FEW = 20;
/** Units that a search for sites offers a new site for. Chosen. More: more requests after each pause of the keys. */
const UNITS = 4;

export async function findPeople(typed: string, unit: string | null = null): Promise<Option[]> {
  const page = await get<Page<Person>>('/people', { q: typed, unit_id: unit, limit: FEW });
  return page.items.map(personOption);
}

export async function findUnits(typed: string): Promise<Option[]> {
  const page = await get<Page<Unit>>('/units', { q: typed, limit: FEW });
  return page.items.map(({ id, name, code }) => ({ id, name, hint: code }));
}

export async function findHalls(typed: string, seatsText: (seats: number) => string = String): Promise<Option[]> {
  const page = await get<Page<Hall>>('/halls', { q: typed, limit: FEW });
  return page.items.filter((hall) => hall.bookable).map(({ id, name, site_name, seats }) => ({ id, name, hint: `${site_name} · ${seatsText(seats)}` }));
}

/** Return active SIP terminals, which the server can call. */
export async function findTerminals(typed: string): Promise<Option[]> {
  const page = await get<Page<Terminal>>('/terminals', { q: typed, limit: FEW });
  return page.items.filter((one) => one.active && one.protocols.includes('sip')).map(({ id, name, site_name, hall_name }) => ({ id, name: hall_name || site_name, hint: [hall_name === '' ? '' : site_name, name].filter((part) => part !== '').join(' · ') }));
}

export async function findSites(typed: string): Promise<Option[]> {
  const page = await get<Page<Site>>('/sites', { q: typed, limit: FEW });
  return page.items.map(({ id, name, code }) => ({ id, name, hint: code }));
}

/** Return sites, and below them the units without a site that have these words. Such an option makes the site of its unit. */
export async function findOrAddSites(typed: string): Promise<Option[]> {
  const found = await findSites(typed);
  if (typed === '' || !may('sites.write')) return found;
  const { items } = await get<Page<Unit>>('/units', { q: typed, limit: UNITS });
  const sites = await Promise.all(items.map(({ id }) => findSitesOf('', id)));
  const bare = items.filter((_, n) => sites[n]!.length === 0);
  return [...found, ...bare.map((unit) => ({ id: `site of ${unit.id}`, name: t('site.add', { unit: unit.name }), group: t('site.none'), make: () => addSite(unit) }))];
}

async function addSite(unit: Unit): Promise<Option> {
  const name = t('site.nameOf', { unit: unit.name });
  const code = await proposedCode('sites', name);
  return send<Site>('POST', '/sites', { code, name, unit_id: unit.id, capability: 'hall', address: unit.address });
}

/** Ask the server for a free code. Halls and terminals have the code of their site in front. */
export async function proposedCode(kind: string, name: unknown, site: unknown = null): Promise<string> {
  return (await get<{ code: string }>('/codes', { kind, name: String(name).trim().slice(0, 300), site_id: site === null ? null : String(site) })).code;
}

export async function findNetworks(typed: string): Promise<Option[]> {
  const networks = await all<Network>('/networks');
  return networks.filter((one) => matches(`${one.name} ${one.code}`, typed)).slice(0, FEW).map(({ id, name, code }) => ({ id, name, hint: code }));
}

/** Return the units directly below one unit. */
export async function findUnitsBelow(typed: string, parent: string): Promise<Option[]> {
  const page = await get<Page<Unit>>('/units', { q: typed, parent_id: parent, limit: FEW });
  return page.items.map(({ id, name, code }) => ({ id, name, hint: code }));
}

export async function findSitesOf(typed: string, unit: string): Promise<Option[]> {
  const page = await get<Page<Site>>('/sites', { q: typed, unit_id: unit, limit: FEW });
  return page.items.filter((site) => site.unit_id === unit).map(({ id, name, code }) => ({ id, name, hint: code }));
}

/** Return the people of the unit itself, without the units below it. */
export async function findStaff(typed: string, unit: string): Promise<Option[]> {
  const page = await get<Page<Person>>('/people', { q: typed, unit_id: unit, limit: 10 * FEW });
  return page.items.filter((person) => person.unit_id === unit).slice(0, FEW).map(personOption);
}

export function personOption(person: Person): Option {
  return { id: person.id, name: person.name, hint: person.title || person.unit_name };
}

let types: Promise<MeetingType[]> | null = null;
export function meetingTypes(): Promise<MeetingType[]> {
  types ??= all<MeetingType>('/meeting-types').catch((error: unknown) => {
    types = null;
    throw error;
  });
  return types;
}

export function recipientSets(): Promise<RecipientSet[]> {
  return all<RecipientSet>('/recipient-sets');
}

let tree: Promise<Unit[]> | null = null;
/** Return all units of today, for trees. The request is sent only once. */
export function allUnits(): Promise<Unit[]> {
  tree ??= all<Unit>('/units').catch((error: unknown) => {
    tree = null;
    throw error;
  });
  return tree;
}

export function forgetUnits(): void {
  tree = null;
}

/** Return the names of identifiers. Each name is requested only once. An unknown identifier is shown as it is. */
export async function namesOf(wanted: { units: string[]; people: string[]; halls: string[]; sets: string[] }): Promise<(id: string) => string> {
  const names = new Map<string, string>();
  const one = async (path: string, id: string) => {
    const found = await get<{ name: string }>(`${path}/${id}`).catch(() => null);
    if (found !== null) names.set(id, found.name);
  };
  const units = wanted.units.length > 5 ? allUnits().then((known) => known.forEach((unit) => names.set(unit.id, unit.name)), () => undefined) : Promise.all(wanted.units.map((id) => one('/units', id)));
  await Promise.all([units, ...wanted.people.map((id) => one('/people', id)), ...wanted.halls.map((id) => one('/halls', id)), ...wanted.sets.map((id) => one('/recipient-sets', id))]);
  return (id) => names.get(id) ?? id;
}
