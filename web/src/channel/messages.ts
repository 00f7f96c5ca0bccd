/** The messages of `/desk` (signaling/desk/PROTOCOL.md), as far as this page reads them, and the merge patch. */

/** One row of `people`. Absent: false, empty or usual. */
export interface Row {
  n?: string;
  u?: string;
  s?: string;
  r?: string;
  k?: 'h';
  m?: 1;
  c?: 1;
  /** The time at which the hand was raised, in ms since 1970 by the server's clock. */
  h?: number;
  /** The time since which the participant is away, in the same unit. */
  a?: number;
}

export interface DeskDocument {
  meeting?: { name: string; title?: string; started_at?: number; ends_at?: number };
  people?: Record<string, Row>;
  /** The sections of the machines of the chair. */
  [section: string]: unknown;
}

export interface Welcome {
  session: string;
  resumed: boolean;
  identity: string;
  name: string;
  audience: 'host' | 'member';
  role: string;
  orders: string[];
  key?: string;
  clock: number;
}

export interface Refusal {
  code: string;
  vi: string;
  en: string;
}

export interface Message {
  seq?: number;
  whole?: DeskDocument;
  patch?: unknown;
  to_you?: Record<string, unknown>;
  welcome?: Welcome;
  refused?: Refusal;
  re?: number;
  ok?: Record<string, unknown>;
  clock?: number;
  rights?: Pick<Welcome, 'audience' | 'role' | 'orders'>;
}

/** Return the document after a JSON merge patch (RFC 7396). Unchanged parts stay the same objects. */
export function merged(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const made: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete made[key];
    // A key of that name would change the prototype of the object.
    else if (key !== '__proto__') made[key] = merged(made[key], value);
  }
  return made;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
