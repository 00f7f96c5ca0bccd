import type { AnyPass, Inside, Waiting } from './model';

/** A meeting as the page shows it before joining. `inside`: null if the server names nobody to this person. `entry_muted`: newcomers join with their microphones off. */
export interface Seen {
  title: string;
  entry_muted: boolean;
  inside: Inside | null;
}

/** The beginning of the key of a visit by number and PIN. */
const BY_NUMBER = 'number-';

/** A meeting that a person is about to join, and the request for its pass. */
export interface Visit {
  conference: string;
  /** Secret of a link that the person may pass on. Null: the link belongs to the person alone. */
  invite: string | null;
  title: string;
  /** The name that the server knows for the person. Empty: the person types a name. */
  name: string;
  /** The key under which this tab keeps the ticket of a lobby, so that a reload does not begin the wait again. */
  key: string;
  /** Look up whether there is such a meeting. Undefined for a meeting that its own page has opened. */
  look?: () => Promise<Seen>;
  /** Ask for the pass. `ticket`: the ticket of a person who waited in the lobby; empty without a ticket. */
  request: (name: string, ticket: string) => Promise<AnyPass | Waiting>;
}

/** Return the key of a visit by number and PIN. */
export function keyOfNumber(number: string): string {
  return BY_NUMBER + number;
}

/** Return the number by which the person joins. Empty: the person joins by a link or signed in. */
export function numberFor(visit: Visit): string {
  return visit.key.startsWith(BY_NUMBER) ? visit.key.slice(BY_NUMBER.length).replace(/\D/g, '') : visit.conference;
}

/** Return the number that a host of a booked meeting gives to others, together with the PIN. Empty: the pass has no number. */
export function numberOf(pass: AnyPass): string {
  return 'number' in pass ? pass.number : '';
}

/** Report whether the person must wait, because the server gave a ticket and no pass. */
export function waits(answer: AnyPass | Waiting): answer is Waiting {
  return 'ticket' in answer;
}
