/**
 * Sends requests to the server's JSON routes and converts refusals to texts. It knows no route and no screen. `routes.ts`
 * uses it for the pages of a call, `desk/data/client.ts` for the desk.
 */
import { language, t } from '../i18n/index.svelte';
import type { Trouble } from './model';

/** The server refused the request (RFC 9457), or could not be reached. `message` and each trouble are texts for the user. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
    /** The status of the answer; 0: there was no answer. */
    readonly status = 0,
    readonly troubles: Trouble[] = [],
  ) {
    super(message);
  }
}

/** An answer with its ETag, which an edit sends back as If-Match. */
export interface Tagged<Answer> {
  value: Answer;
  etag: string;
}

/** Return the request. An object is sent as JSON, a form as it is. */
export function sending(method: string, body: unknown, headers: Record<string, string> = {}): RequestInit {
  if (body === undefined) return { method, headers };
  if (body instanceof FormData) return { method, headers, body };
  return { method, headers: { ...headers, 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
}

/**
 * Return the server's answer. Null: the answer is empty or no JSON. Throw Refused, and the error of `fetch` after an abort by
 * the caller.
 */
export async function exchange(path: string, init: RequestInit, patience_ms: number): Promise<Tagged<unknown> & { status: number }> {
  const response = await reach(path, init, patience_ms);
  const value = response.status === 204 ? null : parsed(await response.text().catch(() => ''));
  if (!response.ok) throw refusal(response.status, value);
  return { value, etag: response.headers.get('etag') ?? '', status: response.status };
}

/** Return the answer with any status. Throw Refused `offline`, and the error of `fetch` after an abort by the caller. */
export async function reach(path: string, init: RequestInit, patience_ms: number): Promise<Response> {
  // Safari 15 and Chrome 109 have no AbortSignal.timeout and no AbortSignal.any.
  const stop = new AbortController();
  setTimeout(() => stop.abort(), patience_ms);
  if (init.signal?.aborted === true) stop.abort();
  init.signal?.addEventListener('abort', () => stop.abort(), { once: true });
  try {
    return await fetch(path, { ...init, signal: stop.signal, cache: 'no-store', credentials: 'same-origin' });
  } catch (error) {
    if (init.signal?.aborted === true) throw error;
    throw new Refused('offline', t('app.offline'));
  }
}

export function refusal(status: number, answer: unknown): Refused {
  const body = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, unknown>;
  const text = words(body, language()) || words(body, 'vi') || words(body, 'en');
  const code = typeof body.code === 'string' ? body.code : `http-${status}`;
  const troubles = Array.isArray(body.troubles) ? (body.troubles as Trouble[]) : [];
  return new Refused(code, text || t('app.refused', { status }), status, troubles);
}

function words(body: Record<string, unknown>, tongue: string): string {
  const text = body[tongue] ?? body[tongue === 'vi' ? 'detail_vi' : 'detail'];
  return typeof text === 'string' ? text : '';
}

function parsed(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
