/** Which page an address means. Pure: the caller passes the address and writes the history. */
export type Route =
  | { page: 'home' }
  | { page: 'trust' }
  | { page: 'meeting'; conference: string; invite: string | null };

const NUMBER = /^[A-Za-z0-9_-]{1,64}$/;

export function parseRoute(address: URL): Route {
  if (address.pathname === '/trust') return { page: 'trust' };
  const match = /^\/m\/([^/]+)\/?$/.exec(address.pathname);
  const conference = match?.[1] === undefined ? null : meetingNumber(match[1]);
  if (conference === null) return { page: 'home' };
  return { page: 'meeting', conference, invite: inviteOf(address) };
}

/**
 * The invite secret, from `#k=` or `?k=`. Links are written with `#` since a fragment is never sent to a server
 * nor logged; `?k=` is read because some mail programs drop fragments.
 */
function inviteOf(address: URL): string | null {
  const fragment = new URLSearchParams(address.hash.slice(1)).get('k');
  return fragment ?? address.searchParams.get('k');
}

export function meetingPath(conference: string, invite: string | null): string {
  const path = `/m/${encodeURIComponent(conference)}`;
  return invite === null ? path : `${path}#k=${encodeURIComponent(invite)}`;
}

/** What people paste or type (a number in any spelling, or a whole link) -> route of the meeting, or null. */
export function typedMeeting(text: string): { conference: string; invite: string | null } | null {
  const trimmed = text.trim();
  if (trimmed.includes('/')) return linkedMeeting(trimmed);
  const conference = meetingNumber(trimmed.replace(/\s+/g, ''));
  return conference === null ? null : { conference, invite: null };
}

function linkedMeeting(text: string): { conference: string; invite: string | null } | null {
  try {
    const route = parseRoute(new URL(/^https?:/i.test(text) ? text : `https://${text}`));
    return route.page === 'meeting' ? route : null;
  } catch {
    return null;
  }
}

/** `ABCDEFGHIJ` and `Abc-defg-hij` mean `abc-defg-hij`: phones capitalise, people leave the dashes out. */
function meetingNumber(text: string): string | null {
  if (!NUMBER.test(text)) return null;
  const letters = text.toLowerCase().replaceAll('-', '');
  if (!/^[a-z]{10}$/.test(letters)) return text;
  return `${letters.slice(0, 3)}-${letters.slice(3, 7)}-${letters.slice(7)}`;
}
