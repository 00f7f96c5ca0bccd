/** Who is signed in, for all screens of the desk. What he may do is decided by the server; this only shows and hides. */
import { get, send } from './client';
import type { Me, Session } from '../../server/model';

const state = $state({ session: null as Session | null });

export function session(): Session | null {
  return state.session;
}

/** Of a screen that is only shown to somebody signed in. */
export function me(): Me {
  const found = state.session?.me;
  if (!found) throw new Error('nobody is signed in');
  return found;
}

export function may(action: string): boolean {
  return state.session?.me?.actions.includes(action) ?? false;
}

/** Whether this server sends mail, so that a page may say that people are told. */
export function mails(): boolean {
  return state.session?.mails ?? false;
}

/** Whether this server connects hall terminals; one that does not refuses to tell how they stand. */
export function callsHalls(): boolean {
  return state.session?.halls ?? false;
}

/** As `diemcau user role` names them. */
export type Role = 'requester' | 'secretary' | 'approver' | 'operator' | 'admin' | 'auditor';

export function holds(role: Role): boolean {
  return state.session?.me?.roles.some((held) => held.role === role) ?? false;
}

export async function loadSession(): Promise<Session> {
  const found = await get<Session>('/session');
  take(found);
  return found;
}

export function take(found: Session): void {
  state.session = found;
}

export function forget(): void {
  state.session = null;
}

/** Out of this browser, also when the window is closed the moment after; refused, whoever was signed in still is. */
export async function signOut(): Promise<void> {
  await send('DELETE', '/session', undefined, { outlives: true });
}

/** All is done that has to be done before the desk opens. */
export function ready(found: Session | null): boolean {
  return found !== null && found.signed_in && !found.must_change && found.second_factor !== 'needed' && found.second_factor !== 'enrol';
}
