/** The server's JSON routes that the page uses. Owns their shapes; knows no screen. */
import { language, t } from './i18n/index.svelte';

export interface Created {
  conference: string;
  url: string;
}

/** Leave to enter one conference once; kept in memory only. */
export interface Pass {
  token: string;
  url: string;
  identity: string;
  conference: string;
  title: string;
}

export interface About {
  name: string;
  version: string;
  secure: boolean;
  ca: { fingerprint: string; download: string } | null;
}

/** The server said no, or could not be asked; `message` is fit to be shown. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export function createConference(name: string): Promise<Created> {
  return ask<Created>('/api/v1/conferences', name === '' ? {} : { name });
}

export function requestPass(conference: string, name: string, invite: string | null): Promise<Pass> {
  const path = `/api/v1/conferences/${encodeURIComponent(conference)}/token`;
  return ask<Pass>(path, invite === null ? { name } : { name, invite });
}

export function about(): Promise<About> {
  return ask<About>('/api/v1/about');
}

async function ask<Answer>(path: string, body?: Record<string, unknown>): Promise<Answer> {
  const response = await send(path, body);
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok || answer === null) throw refusal(response.status, answer);
  return answer as Answer;
}

async function send(path: string, body?: Record<string, unknown>): Promise<Response> {
  const init: RequestInit =
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  try {
    return await fetch(path, { ...init, cache: 'no-store', signal: AbortSignal.timeout?.(15_000) ?? null });
  } catch {
    throw new Refused('offline', t('app.offline'));
  }
}

function refusal(status: number, answer: unknown): Refused {
  const body = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, unknown>;
  const text = body[language()];
  const message = typeof text === 'string' && text !== '' ? text : t('app.refused', { status });
  return new Refused(typeof body.code === 'string' ? body.code : `http-${status}`, message);
}
