/** Enters a booked meeting from the desk, for each way of access. */
import { keyOfNumber, type Visit } from '../../server/visit';
import { get, send } from './client';
import { me } from './session.svelte';
import type { AnyPass, Inside, Waiting } from '../../server/model';

export function onPhone(): boolean {
  return matchMedia('(pointer: coarse) and (max-width: 900px)').matches;
}

export function signedInVisit(occurrence: string, title: string, entry_muted: boolean): Visit {
  const request = (_name: string, ticket: string): Promise<AnyPass | Waiting> => send('POST', `/occurrences/${occurrence}/pass`, { phone: onPhone(), ticket });
  const look = async () => ({ title, entry_muted, inside: await get<Inside>(`/occurrences/${occurrence}/inside`).catch(() => null) });
  return { conference: '', invite: null, title, name: me().person_name || me().name, key: `date-${occurrence}`, look, request };
}

/** Return the visit for a personal link, or for a number with PIN and a name that the person types. `inside`: as just seen. */
export function guestVisit(right: { link: string } | { number: string; pin: string }, title: string, name: string, inside: Inside | null, entry_muted: boolean): Visit {
  const request = (typed: string, ticket: string): Promise<AnyPass | Waiting> => send('POST', '/join', { ...right, name: typed, phone: onPhone(), ticket });
  const key = 'number' in right ? keyOfNumber(right.number) : 'link';
  return { conference: '', invite: null, title, name, key, look: async () => ({ title, inside, entry_muted }), request };
}
