/**
 * The content of the booking form, and the request that it sends. A draft that is a state secret is never sent; its fields
 * are emptied.
 */
import { me } from '../data/session.svelte';
import type { AgendaItem, AttendeeFields, ClassName, Connect, DocumentFields, KnownRequest, Meeting, MeetingFields, MeetingType } from '../../server/model';
import type { Option } from '../fields/Picker.svelte';
import { addDays, clockOf, dayOf, instant, nextStart, rehearsalStart, weekday } from '../words/time';
import { fromRule, once, toRule, type Repeat } from './rule';

export interface Guest {
  key: string;
  name: string;
  hint: string;
  fields: AttendeeFields;
}

/** The mail addresses that the server accepts (`MAIL` in `rooms/booking/meeting/attendees.py`). */
const MAIL = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}$/;

/** The people who lead a meeting. */
type Staff = Required<Pick<MeetingFields, 'chair_id' | 'secretary_id' | 'secretary_deputy_id' | 'operator_id' | 'operator_deputy_id'>>;
const NOBODY: Staff = { chair_id: null, secretary_id: null, secretary_deputy_id: null, operator_id: null, operator_deputy_id: null };

export class Draft {
  title = $state('');
  type = $state.raw<MeetingType | null>(null);
  /** True for a conference, also while its type is not chosen yet. */
  conference = $state(false);
  #drawn = false;
  secret = $state<'' | 'no' | 'yes'>('');
  class = $state<ClassName>('ordinary');
  host = $state.raw<Option | null>(null);
  day = $state('');
  clock = $state('08:00');
  /** The start that the form proposes. Null: the user has chosen the hour. */
  proposed: { day: string; clock: string } | null = null;
  duration = $state(60);
  repeat = $state.raw<Repeat>(once('2026-01-01'));
  halls = $state.raw<Option[]>([]);
  /** Terminals that the user added without booking their hall. */
  terminals = $state.raw<string[]>([]);
  /** Terminals of the call list that are not called. */
  uncalled = $state.raw<string[]>([]);
  chair = $state.raw<Option | null>(null);
  secretary = $state.raw<Option | null>(null);
  secretaryDeputy = $state.raw<Option | null>(null);
  operator = $state.raw<Option | null>(null);
  operatorDeputy = $state.raw<Option | null>(null);
  guests = $state.raw<Guest[]>([]);
  /** Name and address of a guest outside the directory, not yet added to the list. */
  typed = $state({ name: '', mail: '' });
  /** The form says what is wrong with the typed guest, after the user tried to add the guest or to send the form. */
  troubleTold = $state(false);
  agenda = $state<AgendaItem[]>([]);
  documents = $state<DocumentFields[]>([]);
  description = $state('');
  public = $state(false);
  lobby = $state(true);
  /** People and halls join with their microphones off. Null: as the type of meeting says. */
  muted = $state<boolean | null>(null);
  connect = $state<Connect>('call');
  /** Minutes before the start at which the halls are called. Null: as the type of meeting says. */
  callAhead = $state<number | null>(null);
  /** The rehearsal before the meeting. Without a day, the form proposes a time. */
  rehearsal = $state.raw({ on: false, day: '', clock: '', minutes: 60 });
  /** Hold the halls of the invited units. */
  holds = $state(true);
  skips = $state(false);
  /** The reason why the meeting cannot wait for the usual notice time. */
  urgent = $state('');
  /** Local days of the series that the user left out. */
  skip = $state.raw<string[]>([]);

  constructor(now: Date) {
    const next = nextStart(now);
    this.day = next.day;
    this.clock = next.clock;
    this.proposed = next;
    this.repeat = once(next.day);
    const who = me();
    if (who.unit_id) this.host = { id: who.unit_id, name: who.unit_name };
  }

  get startsAt(): Date {
    return instant(this.day, this.clock);
  }

  /** The time of the rehearsal that the user chose. Otherwise the proposal of `rehearsalStart`. */
  get rehearsalTime(): { day: string; clock: string } {
    const { day, clock } = this.rehearsal;
    if (day !== '' || this.day === '') return { day: day || this.day, clock: clock || this.clock };
    return rehearsalStart({ day: this.day, clock: this.clock }, this.rehearsal.minutes, new Date());
  }

  private get rehearsalAt(): string | null {
    const { day, clock } = this.rehearsalTime;
    return this.rehearsal.on && day !== '' ? instant(day, clock).toISOString() : null;
  }

  /** Move the first date. A weekly series on the weekday of the first date moves too. */
  moveTo(day: string): void {
    const before = this.day;
    this.day = day;
    if (day === '') return;
    // A chosen day of the rehearsal keeps its distance to the meeting.
    const chosen = this.rehearsal.day;
    if (chosen !== '' && before !== '') this.rehearsal = { ...this.rehearsal, day: addDays(chosen, Math.round((Date.parse(day) - Date.parse(before)) / 86_400_000)) };
    // The proposed hour counts from now, so it means nothing for another day: offices begin at 08:00.
    if (this.proposed !== null) this.clock = day === this.proposed.day ? this.proposed.clock : '08:00';
    if (this.repeat.every === 'none') this.repeat = once(day);
    else if (before !== '' && String(this.repeat.days) === String([weekday(before)])) this.repeat = { ...this.repeat, days: [weekday(day)] };
  }

  /** Set the class and length of the type. A class that the user raised stays raised. */
  choose(type: MeetingType): void {
    this.type = type;
    this.conference = !type.internal;
    this.class = type.default_class;
    if (!this.#drawn) this.duration = type.duration_min;
  }

  /** Set the length that the user drew on the board. The length of a type does not replace it. */
  last(minutes: number): void {
    this.duration = minutes;
    this.#drawn = true;
  }

  /** Make the meeting a conference whose type the user still has to choose. */
  leaveType(): void {
    this.type = null;
    this.conference = true;
    this.class = 'ordinary';
  }

  /** The field that is wrong for the typed guest: the mail address is invalid, or the name is missing. */
  get typedTrouble(): '' | 'name' | 'mail' {
    const [name, mail] = [this.typed.name.trim(), this.typed.mail.trim()];
    if (name === '' && mail !== '') return 'name';
    return mail !== '' && !MAIL.test(mail) ? 'mail' : '';
  }

  /** The guest whose name is in the form. Null: there is no name, or a field is wrong. */
  get typedGuest(): Guest | null {
    const [name, mail] = [this.typed.name.trim(), this.typed.mail.trim()];
    if (name === '' || this.typedTrouble !== '') return null;
    return { key: mail || name, name, hint: mail, fields: { guest_name: name, guest_email: mail, role: 'guest' } };
  }

  /** Invite the typed guest and empty the fields. Return false if a field is wrong; the form then shows the problem. */
  inviteTyped(): boolean {
    const guest = this.typedGuest;
    this.troubleTold = this.typedTrouble !== '';
    if (guest === null) return !this.troubleTold;
    this.invite(guest);
    this.typed = { name: '', mail: '' };
    return true;
  }

  invite(guest: Guest): void {
    if (!this.guests.some((one) => one.key === guest.key)) this.guests = [...this.guests, guest];
  }

  /** The guests, with the typed guest who is not added yet. */
  private get invited(): Guest[] {
    const typed = this.typedGuest;
    return typed === null || this.guests.some((one) => one.key === typed.key) ? this.guests : [...this.guests, typed];
  }

  dismiss(key: string): void {
    this.guests = this.guests.filter((one) => one.key !== key);
  }

  take(hall: Option): void {
    if (!this.halls.some((one) => one.id === hall.id)) this.halls = [...this.halls, hall];
  }

  leave(id: string): void {
    this.halls = this.halls.filter((one) => one.id !== id);
  }

  /** True if the form has a text, a guest or a document that would be lost. */
  get touched(): boolean {
    const texts = [this.title, this.description, this.urgent, this.typed.name, this.typed.mail];
    return texts.some((text) => text.trim() !== '') || this.guests.length + this.agenda.length + this.documents.length > 0;
  }

  /** True if the server can already say whether the booking is possible. */
  get asks(): boolean {
    return this.secret !== 'yes' && this.type !== null && this.host !== null && this.day !== '' && this.duration >= 5;
  }

  private get staff(): Staff {
    return {
      chair_id: this.chair?.id ?? null,
      secretary_id: this.secretary?.id ?? null,
      secretary_deputy_id: this.secretaryDeputy?.id ?? null,
      operator_id: this.operator?.id ?? null,
      operator_deputy_id: this.operatorDeputy?.id ?? null,
    };
  }

  fields(submit: boolean): MeetingFields {
    return {
      title: this.title.trim(),
      type_code: this.type?.code ?? '',
      class: this.class,
      host_unit_id: this.host?.id ?? '',
      starts_at: this.startsAt.toISOString(),
      duration_min: this.duration,
      rule: toRule(this.repeat, this.day),
      ...this.staff,
      hall_ids: this.halls.map((hall) => hall.id),
      terminal_ids: this.terminals,
      uncalled_ids: this.uncalled,
      attendees: this.invited.map((guest) => guest.fields),
      documents: this.documents.filter((document) => document.number.trim() !== ''),
      agenda: this.agenda.filter((item) => item.title.trim() !== ''),
      description: this.description.trim(),
      public: this.public,
      lobby: this.lobby,
      entry_muted: this.muted,
      connect: this.connect,
      call_ahead_min: this.callAhead,
      hold_guests: this.holds,
      rehearsal_at: this.rehearsalAt,
      rehearsal_min: this.rehearsal.minutes,
      skip: this.repeat.every === 'none' ? [] : this.skip,
      skip_clashes: this.skips,
      urgent_reason: this.urgent.trim(),
      submit,
    };
  }

  /**
   * Return the request that asks the server while the user fills the form. It contains none of the form's texts. It contains
   * no names until the user has said that the meeting is no state secret.
   */
  question(): MeetingFields {
    const known = this.secret === 'no';
    return { ...this.fields(true), title: '…', description: '', urgent_reason: this.urgent.trim() === '' ? '' : '…', agenda: [], documents: [], attendees: known ? this.invited.map((guest) => guest.fields) : [], ...(known ? this.staff : NOBODY) };
  }

  /** Fill the form from a copy, a template or the meeting that is edited. The caller looks up the names of the identifiers. */
  fill(request: KnownRequest, types: MeetingType[], names: (id: string) => string, keepsTime: boolean): void {
    this.title = request.title ?? this.title;
    const type = types.find((one) => one.code === request.type_code);
    if (type !== undefined) this.choose(type);
    if (request.class === 'important') this.class = 'important';
    this.duration = request.duration_min ?? this.duration;
    if (keepsTime && request.starts_at) {
      this.day = dayOf(request.starts_at);
      this.clock = clockOf(request.starts_at);
      this.proposed = null;
      this.repeat = fromRule(request.rule ?? '', this.day);
      const at = request.rehearsal_at ?? null;
      this.rehearsal = { on: at !== null, day: at === null ? '' : dayOf(at), clock: at === null ? '' : clockOf(at), minutes: request.rehearsal_min ?? 60 };
    }
    if (request.host_unit_id) this.host = { id: request.host_unit_id, name: names(request.host_unit_id) };
    this.halls = (request.hall_ids ?? []).map((id) => ({ id, name: names(id) }));
    this.terminals = request.terminal_ids ?? [];
    this.uncalled = request.uncalled_ids ?? [];
    const person = (id: string | null | undefined) => (id ? { id, name: names(id) } : null);
    this.chair = person(request.chair_id);
    this.secretary = person(request.secretary_id);
    this.secretaryDeputy = person(request.secretary_deputy_id);
    this.operator = person(request.operator_id);
    this.operatorDeputy = person(request.operator_deputy_id);
    this.guests = [];
    this.typed = { name: '', mail: '' };
    for (const fields of request.attendees ?? []) this.invite(guestOf(fields, names));
    this.agenda = (request.agenda ?? []).map(({ title, presenter = '', minutes = 0 }) => ({ title, presenter, minutes }));
    this.documents = (request.documents ?? []).map((document) => ({ ...document }));
    this.description = request.description ?? '';
    this.public = request.public ?? false;
    this.lobby = request.lobby ?? true;
    this.muted = request.entry_muted ?? null;
    this.connect = request.connect ?? 'call';
    this.callAhead = request.call_ahead_min ?? null;
    this.holds = request.hold_guests ?? true;
  }
}

export function guestOf(fields: AttendeeFields, names: (id: string) => string): Guest {
  const id = fields.unit_id || fields.person_id || fields.set_id || fields.guest_email || fields.guest_name || '';
  return { key: id, name: fields.label || fields.guest_name || names(id), hint: '', fields };
}

/** Return the request that would book an existing meeting. */
export function requestOf(meeting: Meeting): KnownRequest {
  const attendees = meeting.attendees.map((one): AttendeeFields => {
    const who = one.unit_id !== null && one.person_id === null ? { unit_id: one.unit_id } : one.person_id !== null ? { person_id: one.person_id } : { guest_name: one.guest_name, guest_email: one.guest_email };
    return { ...who, label: one.label, role: one.role, required: one.required, must_be_head: one.must_be_head };
  });
  const { title, type_code, host_unit_id, starts_at, duration_min, rule, chair_id, secretary_id, secretary_deputy_id, operator_id, operator_deputy_id, hall_ids, terminal_ids, agenda, documents, description, connect, call_ahead_min, hold_guests, lobby, entry_muted, rehearsal_at, rehearsal_min } = meeting;
  const staff = { chair_id, secretary_id, secretary_deputy_id, operator_id, operator_deputy_id };
  const uncalled_ids = meeting.calls.filter((line) => line.out).map((line) => line.terminal_id);
  return { title, type_code, class: meeting.class, host_unit_id, starts_at, duration_min, rule, ...staff, hall_ids, terminal_ids, uncalled_ids, agenda, documents, description, connect, call_ahead_min, hold_guests, lobby, entry_muted, rehearsal_at, rehearsal_min, public: meeting.public, attendees };
}

/** Return all identifiers in a request whose names a form shows. */
export function pointedTo(request: KnownRequest): { units: string[]; people: string[]; halls: string[]; sets: string[] } {
  const guests = (request.attendees ?? []).filter((one) => !one.label);
  const some = (ids: (string | null | undefined)[]) => [...new Set(ids.filter((id): id is string => typeof id === 'string' && id !== ''))];
  return {
    units: some([request.host_unit_id, ...guests.map((one) => one.unit_id)]),
    people: some([request.chair_id, request.secretary_id, request.secretary_deputy_id, request.operator_id, request.operator_deputy_id, ...guests.map((one) => one.person_id)]),
    halls: some(request.hall_ids ?? []),
    sets: some(guests.map((one) => one.set_id)),
  };
}
