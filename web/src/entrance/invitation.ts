/** Writes an invitation as text for messages: title, time, link and number, as they are now. Pure. */
import { clockOf, ZONE } from '../browser/zone';
import type { AnyKey } from '../i18n/call.svelte';

export interface Invitation {
  title: string;
  link: string;
  /** The number, if it alone opens the meeting or leads to the question for the PIN. Empty: no number. */
  number: string;
  /** A guest needs the PIN beside the number. */
  pin: boolean;
  lobby: boolean;
  /** The planned time. Null: a meeting without a booking, which is on now. */
  planned: { starts_at: string; ends_at: string } | null;
}

type Words = (key: AnyKey, values?: Record<string, string | number>) => string;

const DAY = new Intl.DateTimeFormat('en-GB', { timeZone: ZONE, day: '2-digit', month: '2-digit', year: 'numeric' });

/** Return the text. `now`: the time at which the person copies it. */
export function invitationText(one: Invitation, now: Date, t: Words): string {
  const lines = [t('invitation.head', { title: one.title }), timeOf(one.planned, now, t), t('invitation.link', { link: one.link })];
  if (one.number !== '') lines.push(t('invitation.number', { number: spelled(one.number) }));
  if (one.pin) lines.push(t('invitation.pin'));
  if (one.lobby) lines.push(t('invitation.lobby'));
  return lines.join('\n');
}

/** Return nine digits in groups of three. Other numbers stay as they are. */
export function spelled(number: string): string {
  return /^\d{9}$/.test(number) ? number.replace(/(\d{3})(?=\d)/g, '$1 ') : number;
}

function timeOf(planned: Invitation['planned'], now: Date, t: Words): string {
  if (planned === null) return t('invitation.now', { at: clockOf(now), day: DAY.format(now) });
  const from = new Date(planned.starts_at);
  const to = new Date(planned.ends_at);
  const values = { from: clockOf(from), to: clockOf(to), day: DAY.format(from), last: DAY.format(to) };
  return t(values.day === values.last ? 'invitation.planned' : 'invitation.days', values);
}
