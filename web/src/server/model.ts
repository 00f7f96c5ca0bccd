/** The types of the server's JSON routes (`schemas.ts`), and names for types that have no schema of their own. */
import type { Attendee, BookedPass, Draft, Meeting, Occurrence, Pass } from './schemas';

export type * from './schemas';
export type ClassName = Meeting['class'];
export type MeetingState = Meeting['state'];
export type DateState = Occurrence['state'];
export type Answer = Attendee['answer'];
export type Connect = Meeting['connect'];
/** A booking request with some known fields: a copy, a template, a meeting that is edited. */
export type KnownRequest = Draft['request'];
/** A pass to join: a meeting with its own link, or a meeting of the calendar. */
export type AnyPass = Pass | BookedPass;
