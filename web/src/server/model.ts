/** The forms of the server's JSON routes (`schemas.ts`), and names for words that have no form of their own. */
import type { Attendee, BookedPass, Draft, Meeting, Occurrence, Pass } from './schemas';

export type * from './schemas';
export type ClassName = Meeting['class'];
export type MeetingState = Meeting['state'];
export type DateState = Occurrence['state'];
export type Answer = Attendee['answer'];
export type Connect = Meeting['connect'];
/** A booking request of which parts are known: a copy, a template, a meeting that is edited. */
export type KnownRequest = Draft['request'];
/** Leave to enter: a meeting with a link of its own, or one of the calendar. */
export type AnyPass = Pass | BookedPass;
