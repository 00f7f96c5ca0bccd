/**
 * The signed-in user, for all screens of the desk. The server decides what the user may do; this module only shows and hides.
 */
import { get, send } from './client';
import type { Me, Session } from '../../server/model';

const state = $state({ session: null as Session | null });

export function session(): Session | null {
  return state.session;
}

/** Return the user of a screen that is only shown after sign-in. */
export function me(): Me {
  const found = state.session?.me;
  if (!found) throw new Error('nobody is signed in');
  return found;
}

export function may(action: string): boolean {
  return state.session?.me?.actions.includes(action) ?? false;
}

/** Report whether this server sends mail. Only then may a page say that people are notified. */
export function mails(): boolean {
  return state.session?.mails ?? false;
}

/** Report whether this server connects hall terminals. A server without them refuses to report their states. */
export function callsHalls(): boolean {
  return state.session?.halls ?? false;
}

/** Report whether only terminals on the machine of the server can connect, as on a server for a trial. */
export function hallsLocal(): boolean {
  return state.session?.halls_local ?? false;
}

/** Return the form of address of the office, before names. Empty: none. */
export function address(): string {
  return state.session?.address ?? '';
}

/** The roles, as `diemcau user role` names them. */
export type Role = 'requester' | 'secretary' | 'approver' | 'operator' | 'admin' | 'auditor';

export function holds(role: Role): boolean {
  return state.session?.me?.roles.some((held) => held.role === role) ?? false;
}

/** Return the first page after the sign-in. Auditors and administrators without another role have no meetings. */
export function firstPlace(): string {
  const { roles } = me();
  if (roles.length === 0 || !roles.every((held) => held.role === 'auditor' || held.role === 'admin')) return '/my';
  return holds('admin') ? '/settings/start' : '/settings/audit';
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

/** Sign out, also if the window is closed immediately after. If the server refuses, the user is still signed in. */
export async function signOut(): Promise<void> {
  await send('DELETE', '/session', undefined, { outlives: true });
}

/** Report whether all steps before the desk are done: password changed and second factor given. */
export function ready(found: Session | null): boolean {
  return found !== null && found.signed_in && !found.must_change && found.second_factor !== 'needed' && found.second_factor !== 'enrol';
}
