/**
 * Sends requests to the server's JSON routes for the desk: pages of lists, versions, files, and texts of failures. The module
 * uses no screen.
 */
import { t } from '../../i18n/desk.svelte';
import { language } from '../../i18n/index.svelte';
import { exchange as ask, reach, refusal, Refused, sending, type Tagged } from '../../server/client';
import type { Trouble } from '../../server/model';

export interface Page<Item> {
  items: Item[];
  next: string | null;
}

export type Query = Record<string, string | number | boolean | null | undefined>;
export type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Sending {
  etag?: string;
  /** The server executes a repeated request with the same key only once. */
  key?: string;
  signal?: AbortSignal;
  /** The request arrives even if its page is closed immediately. */
  outlives?: boolean;
  /** Milliseconds until the request without an answer fails. Default: PATIENCE_MS. */
  patience_ms?: number;
}

const ROOT = '/api/v1';
/**
 * Milliseconds until a request without an answer fails. Chosen. Longer: users wait longer for a lost server. Shorter: slow
 * requests fail.
 */
const PATIENCE_MS = 30_000;

export async function get<Answer>(path: string, query: Query = {}, signal?: AbortSignal): Promise<Answer> {
  return (await exchange(address(path, query), { signal: signal ?? null })).value as Answer;
}

export async function getTagged<Answer>(path: string, query: Query = {}): Promise<Tagged<Answer>> {
  return (await exchange(address(path, query), {})) as Tagged<Answer>;
}

/** Return all pages of a list, at most `most` items. */
export async function all<Item>(path: string, query: Query = {}, most = 5000): Promise<Item[]> {
  const items: Item[] = [];
  let next: string | null = null;
  do {
    const page: Page<Item> = await get<Page<Item>>(path, { limit: 200, ...query, cursor: next });
    items.push(...page.items);
    next = page.next;
  } while (next !== null && items.length < most);
  return items;
}

export async function send<Answer>(method: Method, path: string, body?: unknown, how: Sending = {}): Promise<Answer> {
  const headers: Record<string, string> = {};
  if (how.etag) headers['If-Match'] = how.etag;
  if (how.key) headers['Idempotency-Key'] = how.key;
  const init = { ...sending(method, body, headers), signal: how.signal ?? null, keepalive: how.outlives ?? false };
  return (await exchange(address(path), init, how.patience_ms)).value as Answer;
}

/** Return a file of the server, and its name if the server gave one. */
export async function fetchFile(path: string, query: Query = {}, patience = PATIENCE_MS): Promise<{ content: Blob; name: string }> {
  return fileOf(await reach(address(path, query), {}, patience));
}

/** Send a body, and return the file that the server answers with. */
export async function sendForFile(path: string, body: unknown): Promise<{ content: Blob; name: string }> {
  return fileOf(await reach(address(path), sending('POST', body, {}), PATIENCE_MS));
}

async function fileOf(response: Response): Promise<{ content: Blob; name: string }> {
  if (!response.ok) throw refusal(response.status, await response.json().catch(() => null));
  const given = /filename\*?=(?:UTF-8'')?"?([^";]+)/i.exec(response.headers.get('content-disposition') ?? '');
  return { content: await response.blob(), name: given?.[1] === undefined ? '' : decodeURIComponent(given[1]) };
}

export function newKey(): string {
  return crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;
}

export function address(path: string, query: Query = {}): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') asked.set(name, String(value));
  }
  const tail = asked.size === 0 ? '' : `?${asked}`;
  return `${ROOT}${path}${tail}`;
}

/** Return the text of any failure for the user. */
export function wordsOf(error: unknown): string {
  if (error instanceof Refused) return error.message;
  console.error('Uncaught in the desk', error);
  return t('app.broken');
}

export function troublesOf(error: unknown): Trouble[] {
  return error instanceof Refused ? error.troubles : [];
}

export function troubleText(trouble: Trouble): string {
  return language() === 'vi' ? trouble.vi || trouble.en : trouble.en || trouble.vi;
}

export function codeOf(error: unknown): string {
  return error instanceof Refused ? error.code : '';
}

/** Set by the desk: `tell` runs when the server no longer knows the user. */
export const signedOut = { tell: (): void => undefined };

async function exchange(path: string, init: RequestInit, patience_ms = PATIENCE_MS): Promise<Tagged<unknown>> {
  try {
    return await ask(path, init, patience_ms);
  } catch (error) {
    if (error instanceof Refused && error.status === 401 && !path.startsWith(`${ROOT}/session`)) signedOut.tell();
    throw error;
  }
}
