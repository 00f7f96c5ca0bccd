import type { AnyPass, Found, Waiting } from './model';

/** A meeting somebody is about to enter, and how the pass for it is asked for. */
export interface Visit {
  conference: string;
  /** Secret of a link that can be passed on; null when the entry is the person's own. */
  invite: string | null;
  title: string;
  /** As the server knows the person; empty: he says it himself. */
  name: string;
  /** Under which this tab keeps the ticket of a lobby, so that reloading does not wait again. */
  key: string;
  /** Whether there is such a meeting; none for one that its own page has opened. */
  look?: () => Promise<Found>;
  /** `ticket`: of whoever has waited in the lobby, empty without one. */
  request: (name: string, ticket: string) => Promise<AnyPass | Waiting>;
}

/** The number that a host of a booked meeting passes on, with the PIN; empty: the pass has none. */
export function numberOf(pass: AnyPass): string {
  return 'number' in pass ? pass.number : '';
}

/** The server has no room in the meeting for this person yet: he waits. */
export function waits(answer: AnyPass | Waiting): answer is Waiting {
  return 'ticket' in answer;
}
