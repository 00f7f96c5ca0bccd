/** Going from the desk into a booked meeting, whichever way a person comes. */
import type { Pass } from '../api';
import type { Visit } from '../visit';
import { send } from './client';
import { me } from './session.svelte';

export function onPhone(): boolean {
  return matchMedia('(pointer: coarse) and (max-width: 900px)').matches;
}

export function signedInVisit(occurrence: string, title: string): Visit {
  const request = (): Promise<Pass> => send<Pass>('POST', `/occurrences/${occurrence}/pass`, { phone: onPhone() });
  return { conference: '', invite: null, title, name: me().person_name || me().name, request };
}

/** With a personal link, or with number and PIN and a name that the person gives. */
export function guestVisit(ticket: { link: string } | { number: string; pin: string }, title: string, name: string): Visit {
  const request = (typed: string): Promise<Pass> => send<Pass>('POST', '/join', { ...ticket, name: typed, phone: onPhone() });
  return { conference: '', invite: null, title, name, request };
}
