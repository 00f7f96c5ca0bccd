/**
 * The meetings that this browser has joined lately. Only this browser keeps them: number, title and time, and never the secret of a
 * link. The server says for each pass whether the meeting may be in the list (`listed`); an important meeting may not.
 */
const KEY = 'diemcau.recent';
/** Meetings in the list; the oldest one goes. Chosen: a screen of a phone. More: a longer list. Fewer: weekly meetings are lost. */
export const RECENT_MEETINGS = 6;
/** Days until a meeting leaves the list. Chosen: a monthly meeting stays. More: old titles stay in the browser longer. */
export const RECENT_DAYS = 40;
const TITLE_CHARACTERS = 100;
const DAY_MS = 86_400_000;

export interface Recent {
  /** The number of a meeting: `abc-defg-hij`, or nine digits. */
  number: string;
  title: string;
  /** The time of the last entry, in ms. */
  at: number;
}

/** Return the list, the newest meeting first. */
export function recentMeetings(now_ms: number): Recent[] {
  return read().filter((one) => now_ms - one.at < RECENT_DAYS * DAY_MS && one.at <= now_ms);
}

/** Put a meeting at the head of the list. A meeting that is not known by a number is not kept. */
export function keepRecent(number: string, title: string, now_ms: number): void {
  if (!isNumber(number)) return;
  const others = recentMeetings(now_ms).filter((one) => one.number !== number);
  write([{ number, title: title.slice(0, TITLE_CHARACTERS), at: now_ms }, ...others].slice(0, RECENT_MEETINGS));
}

export function forgetRecent(number: string): void {
  write(read().filter((one) => one.number !== number));
}

export function forgetAllRecent(): void {
  write([]);
}

function isNumber(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,64}$/.test(text);
}

function read(): Recent[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter(isRecent).slice(0, RECENT_MEETINGS) : [];
  } catch {
    return [];
  }
}

function isRecent(one: unknown): one is Recent {
  const { number, title, at } = (one ?? {}) as Partial<Recent>;
  return typeof number === 'string' && isNumber(number) && typeof title === 'string' && typeof at === 'number';
}

function write(list: Recent[]): void {
  try {
    if (list.length === 0) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, JSON.stringify(list));
  } catch {
    // The list is not kept: the person types the number again.
  }
}
