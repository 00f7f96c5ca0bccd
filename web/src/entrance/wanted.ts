/** Reads what a person typed or pasted on the first page: a number, a link, or a whole invitation with both. Pure. */
import { parseRoute, typedMeeting, type Numbered } from '../browser/route';

/** A meeting to look up first, or a page of this server that asks for more. */
export type Wanted = { meeting: Numbered } | { path: string };

/** The desk pages that a link of an invitation opens. */
const INVITED = ['join', 'answer', 'meetings'];

/** Return what the text names. A link of another server counts only by its number. Null: the text names no meeting. */
export function wanted(text: string, origin: string): Wanted | null {
  for (const [link] of text.matchAll(/https?:\/\/[^\s<>"]+/gi)) {
    const found = linked(link, origin);
    if (found !== null) return found;
  }
  const whole = typedMeeting(text);
  if (whole !== null && !/^\d{9}$/.test(text.replace(/[\s-]/g, ''))) return { meeting: whole };
  const digits = /(?<!\d)\d{3}[ -]?\d{3}[ -]?\d{3}(?!\d)/.exec(text)?.[0].replace(/\D/g, '');
  if (digits !== undefined) return { path: `/join?number=${digits}` };
  const letters = /(?<![a-z0-9])[a-z]{3}-[a-z]{4}-[a-z]{3}(?![a-z0-9])/i.exec(text)?.[0];
  return letters === undefined ? null : { meeting: { conference: letters.toLowerCase(), invite: null } };
}

function linked(link: string, origin: string): Wanted | null {
  const meeting = typedMeeting(link);
  if (meeting !== null) return { meeting };
  try {
    const address = new URL(link);
    const route = parseRoute(address);
    if (address.origin !== origin || route.page !== 'desk' || !INVITED.includes(route.place.desk)) return null;
    return { path: address.pathname + address.search + address.hash };
  } catch {
    return null;
  }
}

