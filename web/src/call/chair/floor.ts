/** The floor of a meeting as the page shows it: queue, timer, groups of people, microphones. Pure: a desk document in, facts out. */
import type { Desk, Kind, Mode, Person, Role, Turn, Whom } from './desk';

/** Seconds before the end of a turn at which the server warns (`WARNING_S`). The timer changes its colour at the same time. */
export const NEAR_S = 60;

const LEADERS: ReadonlySet<Role> = new Set(['chair', 'co_chair', 'secretary']);

export interface Asking {
  identity: string;
  person: Person;
  kind: Kind;
  /** The time of the request. 0: unknown. */
  asked_ms: number;
  /** 1: the next speaker. */
  place: number;
}

/** Return the requests to speak, the next speaker first. A person who has just left is not in the queue. */
export function queueOf({ queue = {}, people = {} }: Desk): Asking[] {
  return Object.entries(queue)
    .flatMap(([identity, { o, k }]) => {
      const person = people[identity];
      return person === undefined ? [] : [{ identity, person, kind: k ?? ('speech' as const), asked_ms: person.h ?? 0, order: o }];
    })
    .sort((a, b) => a.order - b.order)
    .map(({ order: _, ...one }, index) => ({ ...one, place: index + 1 }));
}

export type Tone = 'plain' | 'near' | 'over';

export interface Timing {
  /** Seconds since the turn began. */
  spoken_s: number;
  /** Seconds until the end, negative after the end. Null: no time was set. */
  left_s: number | null;
  tone: Tone;
}

/** Return the times of a turn. `now_ms` is a time of the server's clock. */
export function timingOf({ since, ends_at }: Turn, now_ms: number): Timing {
  const spoken_s = Math.max(0, Math.floor((now_ms - since) / 1000));
  if (ends_at === undefined) return { spoken_s, left_s: null, tone: 'plain' };
  const left_s = Math.ceil((ends_at - now_ms) / 1000);
  return { spoken_s, left_s, tone: left_s <= 0 ? 'over' : left_s <= NEAR_S ? 'near' : 'plain' };
}

/** Return a duration as minutes and seconds, from one hour on with hours: 0:05, 12:40, 1:02:03. */
export function clockText(time_s: number): string {
  const whole = Math.abs(Math.trunc(time_s));
  const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const end = String(seconds).padStart(2, '0');
  const text = hours === 0 ? `${minutes}:${end}` : `${hours}:${String(minutes).padStart(2, '0')}:${end}`;
  return time_s <= -1 ? `-${text}` : text;
}

export function roleOf(desk: Desk, identity: string): Role {
  if (desk.chair?.id === identity) return 'chair';
  const person = desk.people?.[identity];
  return person?.r ?? (person?.k === 'h' ? 'hall' : 'delegate');
}

export function leads(role: Role): boolean {
  return LEADERS.has(role);
}

export function modeOf(desk: Desk): Mode {
  return desk.floor?.mode ?? 'discussion';
}

/** Report whether a rule is meant for a role. Leaders keep everything. */
export function means(whom: Whom, role: Role): boolean {
  if (leads(role) || whom === 'nobody') return false;
  if (whom === 'all') return true;
  return whom === 'halls' ? role === 'hall' : role === 'guest' || role === 'observer';
}

/** Report whether the meeting is in recess. */
export function inRecess({ break: now }: Desk): boolean {
  return now?.phase === 'recess' || now?.phase === 'closed_recess';
}

/** Report whether a closed session runs, also in its recess. */
export function isClosed({ break: now }: Desk): boolean {
  return now?.phase === 'closed' || now?.phase === 'closed_recess';
}

/** Why a participant may not switch the microphone on. `several` and `one`: the participant must be called to speak first. */
export type Silent = '' | 'recess' | 'one' | 'several' | 'unmute_off';

/**
 * Return why the participant may not switch the microphone on now. The server decides (`conference/chair/rules.py`); this is the
 * same decision for the text at the button. `asked`: a leader has asked the participant to switch the microphone on.
 */
export function silentFor(desk: Desk, identity: string, asked: boolean): Silent {
  if (inRecess(desk)) return 'recess';
  const role = roleOf(desk, identity);
  if (role === 'chair' || desk.floor?.turns?.some((one) => one.id === identity) === true) return '';
  const mode = modeOf(desk);
  if (mode !== 'discussion') return mode;
  return means(desk.rules?.unmute_off ?? 'nobody', role) && !asked ? 'unmute_off' : '';
}

export interface Group {
  /** The name of the unit. Empty: people without a unit. */
  unit: string;
  people: { identity: string; person: Person }[];
}

/** Return the people by unit, in the order of the alphabet. People without a unit come last. */
export function groupsOf({ people = {} }: Desk): Group[] {
  const units = new Map<string, Group['people']>();
  for (const [identity, person] of Object.entries(people)) {
    const unit = person.u ?? (person.k === 'h' ? person.n : '');
    units.set(unit, [...(units.get(unit) ?? []), { identity, person }]);
  }
  const byName = new Intl.Collator('vi').compare;
  return [...units]
    .map(([unit, members]) => ({ unit, people: members.sort((a, b) => byName(a.person.n, b.person.n)) }))
    .sort((a, b) => (a.unit === '' ? 1 : b.unit === '' ? -1 : byName(a.unit, b.unit)));
}

export interface Delegation {
  /** The key of the delegation for the server: the unit, or the identity of a person without a unit. */
  key: string;
  name: string;
  /** Seconds with the turn that runs. */
  spoken_s: number;
  /** Null: no budget. */
  budget_s: number | null;
}

/** Return the delegations that are here, have spoken or have a budget. `now_ms` is a time of the server's clock. */
export function delegationsOf(desk: Desk, now_ms: number): Delegation[] {
  const { people = {}, floor: { turns = [], spoken = {}, budgets = {} } = {} } = desk;
  const names = new Map<string, string>();
  for (const key of [...Object.keys(spoken), ...Object.keys(budgets)]) names.set(key, people[key]?.n ?? key);
  for (const [identity, { u, n }] of Object.entries(people)) names.set(u ?? identity, u ?? n);
  const running = new Map(turns.map((one) => [one.delegation, timingOf(one, now_ms).spoken_s]));
  return [...names]
    .map(([key, name]) => ({ key, name, spoken_s: (spoken[key] ?? 0) + (running.get(key) ?? 0), budget_s: budgets[key] ?? null }))
    .sort((a, b) => new Intl.Collator('vi').compare(a.name, b.name));
}
