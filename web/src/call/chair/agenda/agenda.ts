/** The agenda as the pages show it. Pure. Times are in ms since 1970 by the server's clock, durations in seconds. */

import type { Agenda, Item } from '../desk';

/** An item as the order `agenda_set` takes it. An empty id: a new item. */
export interface Planned {
  id: string;
  title: string;
  planned_at: number | null;
  planned_s: number;
  speakers: string[];
  votes: string[];
  closed: boolean;
}

/** What a person types about an item. */
export interface Draft {
  id: string;
  title: string;
  /** `HH:MM`, or empty. */
  at: string;
  minutes: number | null;
  /** One name a line, or names with semicolons between them. */
  speakers: string;
  closed: boolean;
}

export function currentOf(agenda: Agenda | undefined): Item | undefined {
  return agenda?.items.find((one) => one.id === agenda.current);
}

export function nextOf(agenda: Agenda | undefined): Item | undefined {
  return agenda?.items.find((one) => one.state === 'waiting');
}

/** Return the number of an item, as people count: from 1 on. */
export function numberOf(agenda: Agenda, id: string): number {
  return agenda.items.findIndex((one) => one.id === id) + 1;
}

/** Return by how many whole minutes an item is late: a current item after its duration, the next item after its begin. */
export function late_min(item: Item, now_ms: number): number {
  const due = item.state === 'current' && item.began_at !== undefined && item.planned_s > 0 ? item.began_at + item.planned_s * 1000 : item.state === 'waiting' ? item.planned_at : undefined;
  return due === undefined ? 0 : Math.max(0, Math.floor((now_ms - due) / 60_000));
}

export function plannedOf({ id, title, planned_at, planned_s, speakers, votes, closed }: Item): Planned {
  return { id, title, planned_at: planned_at ?? null, planned_s, speakers, votes, closed };
}

/** Return the items that have not begun, with the item of the draft in its place, or at the end. */
export function withDraft(agenda: Agenda | undefined, draft: Draft, planned_at: number | null): Planned[] {
  const waiting = (agenda?.items ?? []).filter((one) => one.state === 'waiting').map(plannedOf);
  const known = waiting.find((one) => one.id === draft.id);
  const speakers = draft.speakers.split(/[;\n]/).map((one) => one.trim()).filter((one) => one !== '');
  const made = { id: draft.id, title: draft.title.trim(), planned_at, planned_s: (draft.minutes ?? 0) * 60, speakers, votes: known?.votes ?? [], closed: draft.closed };
  return known === undefined ? [...waiting, { ...made, id: '' }] : waiting.map((one) => (one === known ? made : one));
}

export function without(agenda: Agenda | undefined, id: string): Planned[] {
  return (agenda?.items ?? []).filter((one) => one.state === 'waiting' && one.id !== id).map(plannedOf);
}

/** Return the ids of the items that have not begun, after one of them moved by one place. */
export function moved(agenda: Agenda | undefined, id: string, by: 1 | -1): string[] {
  const ids = (agenda?.items ?? []).filter((one) => one.state === 'waiting').map((one) => one.id);
  const place = ids.indexOf(id);
  const other = ids[place + by];
  if (place < 0 || other === undefined) return ids;
  [ids[place], ids[place + by]] = [other, id];
  return ids;
}
