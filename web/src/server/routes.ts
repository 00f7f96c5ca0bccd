/** The JSON routes that home, lobby, call and check use. This module owns their paths and uses no screen. */
import { exchange, reach, refusal, sending } from './client';
import type { About, AnyPass, BookedPass, CheckFigures, CheckKept, CheckOpened, Created, Found, LobbyView, PcKey, PcView, QrCode, Session, Standing, Waiting } from './model';

export function createConference(name: string): Promise<Created> {
  return ask<Created>('/api/v1/conferences', { body: name === '' ? {} : { name } });
}

export function requestPass(conference: string, asked: { name: string; invite?: string; ticket?: string }): Promise<AnyPass | Waiting> {
  return ask(`/api/v1/conferences/${encodeURIComponent(conference)}/token`, { body: asked });
}

/** Look a meeting up. Throw Refused `conference_unknown` or `invitation_wrong`. */
export function lookFor(conference: string, invite: string | null): Promise<Found> {
  return ask(`/api/v1/conferences/${encodeURIComponent(conference)}/look`, { body: invite === null ? {} : { invite } });
}

/** Return the state of the wait. The server answers when something changes, or after 25 s. */
export function lobbyStanding({ conference, ticket }: Waiting, signal: AbortSignal): Promise<Standing> {
  return ask(`${lobbyPath(conference)}/wait`, { body: { ticket }, signal, patience_ms: LONG_MS });
}

/** Leave the lobby, also from a page that is about to close. */
export async function leaveLobby({ conference, ticket }: Waiting): Promise<void> {
  await ask(`${lobbyPath(conference)}/leave`, { body: { ticket }, keepalive: true }).catch(() => undefined);
}

/**
 * Return the lobby. `since`: the known revision; the answer comes after a change of it. Without `since` the answer comes at
 * once.
 */
export function lookLobby(conference: string, key: string, since: number | null, signal: AbortSignal): Promise<LobbyView> {
  return ask(`${lobbyPath(conference)}${since === null ? '' : `?since=${since}`}`, { key, signal, patience_ms: LONG_MS });
}

export function switchLobby(conference: string, key: string, on: boolean): Promise<LobbyView> {
  return ask(lobbyPath(conference), { key, method: 'PUT', body: { on } });
}

export async function admitFromLobby(conference: string, key: string, whom: { ids: string[] } | { all: true }): Promise<void> {
  await ask(`${lobbyPath(conference)}/admit`, { key, body: whom });
}

/** Refuse a person. `final`: permanently. */
export async function denyFromLobby(conference: string, key: string, id: string, why: string, final: boolean): Promise<void> {
  await ask(`${lobbyPath(conference)}/deny`, { key, body: { id, why, final } });
}

/** Let all people who were refused permanently ask again. */
export async function pardonFromLobby(conference: string, key: string): Promise<void> {
  await ask(`${lobbyPath(conference)}/pardon`, { key, body: {} });
}

/** Do a host's action on the participants of a call. */
export function hostDeed<Answer>(conference: string, key: string, deed: string, body: Record<string, unknown>): Promise<Answer> {
  return ask<Answer>(`/api/v1/conferences/${encodeURIComponent(conference)}/host/${deed}`, { key, body });
}

function lobbyPath(conference: string): string {
  return `/api/v1/conferences/${encodeURIComponent(conference)}/lobby`;
}

/** Return the address of a page of this server as a QR code. `path`: with query and fragment. */
export function qrCode(path: string): Promise<QrCode> {
  return ask('/api/v1/qr', { body: { path } });
}

export function about(): Promise<About> {
  return ask<About>('/api/v1/about');
}

/**
 * Return the rights of this browser's user. `nobody` has not completed the sign-in, `books` may book meetings, and `may not`
 * may not book.
 */
export async function booker(): Promise<'nobody' | 'books' | 'may not'> {
  const found = await ask<Session>('/api/v1/session').catch(() => null);
  if (!found?.me || found.must_change || found.second_factor === 'needed') return 'nobody';
  return found.me.actions.includes('meetings.create') ? 'books' : 'may not';
}

export function beginCheck(): Promise<CheckOpened> {
  return ask('/api/v1/checks', { body: {} });
}

export function reportCheck({ id, key }: { id: string; key: string }, figures: CheckFigures): Promise<CheckKept> {
  return ask(`/api/v1/checks/${id}/result`, { body: { key, figures } });
}

/** Return the key of this PC for the code of an operator. Throw Refused `pc_code_wrong`. */
export function enrolHall(code: string): Promise<PcKey> {
  return ask('/api/v1/hall-pc/enrolment', { body: { code } });
}

/** Return the place of this PC and its dates. Throw Refused `pc_key_wrong`. */
export function lookHall(key: string): Promise<PcView> {
  return ask('/api/v1/hall-pc', { key });
}

export function requestHallPass(key: string, occurrence: string): Promise<BookedPass> {
  return ask(`/api/v1/hall-pc/dates/${occurrence}/pass`, { key, body: {} });
}

/** Report whether the server says that it is overloaded. The server answers this also while it admits no one. */
export async function serverBusy(): Promise<boolean> {
  const response = await reach('/api/v1/health', {}, SHORT_MS);
  const answer: unknown = await response.json();
  return typeof answer === 'object' && answer !== null && (answer as { busy?: unknown }).busy === true;
}

/** Report whether the server gives any answer within this time. */
export async function serverAnswers(patience_ms: number): Promise<boolean> {
  return reach('/api/v1/health/live', {}, patience_ms).then(
    () => true,
    () => false,
  );
}

interface Asking {
  body?: Record<string, unknown>;
  method?: 'POST' | 'PUT';
  /** The key of a host of the lobby. */
  key?: string;
  signal?: AbortSignal;
  patience_ms?: number;
  keepalive?: boolean;
}

/**
 * Milliseconds until a request without an answer fails. Chosen. Longer: users wait longer for a lost server. Shorter: slow
 * requests fail.
 */
const SHORT_MS = 15_000;
/**
 * Chosen: longer than the server holds a long request (25 s). Larger: a lost server is noticed later. Smaller: the client
 * aborts requests that the server still holds.
 */
const LONG_MS = 40_000;

async function ask<Answer>(path: string, { body, method = 'POST', key, signal, patience_ms = SHORT_MS, keepalive = false }: Asking = {}): Promise<Answer> {
  const headers: Record<string, string> = key === undefined ? {} : { Authorization: `Bearer ${key}` };
  const init = sending(body === undefined ? 'GET' : method, body, headers);
  const { value, status } = await exchange(path, { ...init, keepalive, signal: signal ?? null }, patience_ms);
  if (value === null && status !== 204) throw refusal(status, value);
  return value as Answer;
}
