/** Enters a booked meeting from the desk, for each way of access. */
import type { Visit } from '../../server/visit';
import { send } from './client';
import { me } from './session.svelte';
import type { AnyPass, Waiting } from '../../server/model';

export function onPhone(): boolean {
  return matchMedia('(pointer: coarse) and (max-width: 900px)').matches;
}

export function signedInVisit(occurrence: string, title: string): Visit {
  const request = (_name: string, ticket: string): Promise<AnyPass | Waiting> => send('POST', `/occurrences/${occurrence}/pass`, { phone: onPhone(), ticket });
  return { conference: '', invite: null, title, name: me().person_name || me().name, key: `date-${occurrence}`, request };
}

/** Return the visit for a personal link, or for a number with PIN and a name that the person types. */
export function guestVisit(right: { link: string } | { number: string; pin: string }, title: string, name: string): Visit {
  const request = (typed: string, ticket: string): Promise<AnyPass | Waiting> => send('POST', '/join', { ...right, name: typed, phone: onPhone(), ticket });
  return { conference: '', invite: null, title, name, key: 'number' in right ? `number-${right.number}` : 'link', request };
}
