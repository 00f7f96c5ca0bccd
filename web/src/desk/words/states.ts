/** The states of a meeting or of a date, each as a word, an icon and a tone. Colour is never the only mark. Pure. */
import type { DeskKey } from '../../i18n/desk-vi';
import type { Answer, CallGap, CallLine, ClassName, DateState, Meeting, MeetingState } from '../../server/model';
import type { SignName } from './signs';

export interface Standing {
  text: DeskKey;
  sign: SignName;
  tone: 'good' | 'wait' | 'bad' | 'live' | 'firm' | '';
}

const MEETING: Record<MeetingState, Standing> = {
  held: { text: 'state.held', sign: 'clock', tone: 'wait' },
  asked: { text: 'state.asked', sign: 'inbox', tone: 'wait' },
  approved: { text: 'state.approved', sign: 'check', tone: 'good' },
  refused: { text: 'state.refused', sign: 'no', tone: 'bad' },
  cancelled: { text: 'state.cancelled', sign: 'no', tone: 'bad' },
  expired: { text: 'state.expired', sign: 'clock', tone: 'bad' },
};
const DATE: Record<DateState, Standing> = {
  planned: { text: 'state.planned', sign: 'check', tone: 'good' },
  skipped: { text: 'state.skipped', sign: 'repeat', tone: 'bad' },
  postponed: { text: 'state.postponed', sign: 'clock', tone: 'bad' },
  cancelled: { text: 'state.cancelled', sign: 'no', tone: 'bad' },
  running: { text: 'state.running', sign: 'camera', tone: 'live' },
  ended: { text: 'state.ended', sign: 'check', tone: '' },
  released: { text: 'state.released', sign: 'out', tone: '' },
};
const ANSWERS: Record<Answer, Standing> = {
  none: { text: 'answer.none', sign: 'clock', tone: 'wait' },
  accepted: { text: 'answer.accepted', sign: 'check', tone: 'good' },
  declined: { text: 'answer.declined', sign: 'no', tone: 'bad' },
  tentative: { text: 'answer.tentative', sign: 'clock', tone: 'wait' },
};

/** The states of the mail to an invitee. `outside`: not an official address. `under`: on its way. */
export type MailState = 'sent' | 'unsent' | 'under' | 'failed' | 'none' | 'outside';
const MAILS: Record<MailState, Standing> = {
  sent: { text: 'send.sent', sign: 'check', tone: 'good' },
  unsent: { text: 'send.unsent', sign: 'clock', tone: 'wait' },
  under: { text: 'send.under', sign: 'send', tone: 'wait' },
  failed: { text: 'send.failed', sign: 'no', tone: 'bad' },
  none: { text: 'send.none', sign: 'no', tone: 'bad' },
  outside: { text: 'send.outside', sign: 'no', tone: 'bad' },
};

export function mailStanding(state: MailState): Standing {
  return MAILS[state];
}

export function standing(meeting: MeetingState): Standing {
  return MEETING[meeting] ?? MEETING.held;
}

/** Return the state of a date. A planned date has the state of its meeting; another date has its own state. */
export function dateStanding(date: DateState, meeting: MeetingState): Standing {
  return date === 'planned' || date === undefined ? standing(meeting) : (DATE[date] ?? DATE.planned);
}

export function ownDateStanding(date: DateState): Standing {
  return DATE[date] ?? DATE.planned;
}

export function answerStanding(answer: Answer): Standing {
  return ANSWERS[answer] ?? ANSWERS.none;
}

export function classStanding(name: ClassName): Standing {
  return name === 'important' ? { text: 'class.important', sign: 'shield', tone: 'firm' } : { text: 'class.ordinary', sign: 'globe', tone: '' };
}

/**
 * Report whether an ordinary meeting uses no hall. No hall is booked, the call list is empty, and no invited unit has a hall
 * to choose. In this case a unit without a terminal is no fault.
 */
export function withoutHalls(lines: CallLine[], gaps: CallGap[], name: ClassName): boolean {
  return name === 'ordinary' && lines.length === 0 && gaps.every((gap) => gap.why === 'unit' && gap.reason !== 'many_halls');
}

/** Report whether nothing of the meeting takes place, because its dates are postponed. */
export function isOff(meeting: Pick<Meeting, 'occurrences'>): boolean {
  const states = new Set(meeting.occurrences.map((date) => date.state));
  return states.has('postponed') && !states.has('planned') && !states.has('running');
}

/** Report whether halls can take part: halls are booked, or other units are invited, which may have halls. */
export function hasHalls(meeting: Pick<Meeting, 'hall_ids' | 'terminal_ids' | 'host_unit_id'> & { attendees: { unit_id: string | null; person_id: string | null }[] }): boolean {
  const { hall_ids, terminal_ids, host_unit_id, attendees } = meeting;
  return hall_ids.length + terminal_ids.length > 0 || attendees.some((one) => one.unit_id !== null && one.unit_id !== host_unit_id && one.person_id === null);
}
