/** Maps an address to a page. Pure: the caller passes the address and writes the history. */
export type Route =
  | { page: 'home' }
  | { page: 'missing' }
  | { page: 'trust' }
  | { page: 'hall' }
  | { page: 'test'; back: Numbered | null }
  | { page: 'report'; conference: string; code: string }
  | { page: 'card'; code: string }
  | { page: 'desk'; place: Place }
  | ({ page: 'meeting' } & Numbered);

/** A meeting that people join by its number, and by the invite secret if there is one. */
export interface Numbered {
  conference: string;
  invite: string | null;
}

/** The first part of the path of each desk page. The server sends its page at the same addresses. */
export const DESKS = ['sign-in', 'my', 'account', 'board', 'book', 'approvals', 'meetings', 'control', 'directory', 'settings', 'guides', 'notices', 'answer', 'join', 'schedule', 'rehearsal', 'chairing'] as const;
export type Desk = (typeof DESKS)[number];

/**
 * Short addresses in mails, messages and QR codes (`rooms/meetings/links.py`): answer an invitation, approve, open the page of a
 * meeting. `rooms/dialling/rehearsal/site_pages.py`: enter the result of a rehearsal. `/dieu-hanh/MEETING/DATE`: the chair's desk.
 */
export const SHORT: Record<string, Desk> = { moi: 'answer', duyet: 'approvals', hop: 'meetings', tongduyet: 'rehearsal', 'dieu-hanh': 'chairing' };

/** A page of the desk: `/meetings/17?tab=letters` is `{ desk: 'meetings', parts: ['17'] }`. `secret` is from the fragment. */
export interface Place {
  desk: Desk;
  parts: string[];
  query: URLSearchParams;
  secret: string | null;
}

/**
 * The length of the secret in a personal link: 192 bits as base64url (`rooms/meetings/links.py`). Another value: valid
 * personal links count as damaged.
 */
export const SECRET_CHARACTERS = 32;

const NUMBER = /^[A-Za-z0-9_-]{1,64}$/;

export function parseRoute(address: URL): Route {
  if (address.pathname === '/') return { page: 'home' };
  if (/^\/trust\/?$/.test(address.pathname)) return { page: 'trust' };
  if (/^\/diem-cau\/?$/.test(address.pathname)) return { page: 'hall' };
  if (/^\/test\/?$/.test(address.pathname)) return { page: 'test', back: backOf(address) };
  const site = /^\/diemdanh\/([A-Za-z0-9_-]{1,64})\/?$/.exec(address.pathname);
  if (site?.[1] !== undefined) return { page: 'report', conference: site[1], code: address.hash.slice(1) };
  if (/^\/phieu\/?$/.test(address.pathname)) return { page: 'card', code: address.hash === '#main' ? '' : address.hash.slice(1) };
  const place = placeOf(address);
  if (place !== null) return { page: 'desk', place };
  const match = /^\/m\/([^/]+)\/?$/.exec(address.pathname);
  const conference = match?.[1] === undefined ? null : meetingNumber(match[1]);
  if (conference === null) return { page: 'missing' };
  return { page: 'meeting', conference, invite: inviteOf(address) };
}

function placeOf(address: URL): Place | null {
  const [first = '', ...parts] = address.pathname.slice(1).replace(/\/$/, '').split('/');
  const desk = Object.hasOwn(SHORT, first) ? SHORT[first] : DESKS.find((name) => name === first);
  if (desk === undefined || parts.length > 3 || parts.includes('')) return null;
  return { desk, parts: parts.map(decoded), query: address.searchParams, secret: secretOf(address) };
}

/**
 * Return the secret from `#k=…`, from `#link=…` of a sign-in link, or from the bare fragment of a personal link. A shortened
 * personal secret is returned too.
 */
function secretOf(address: URL): string | null {
  const fragment = address.hash.slice(1);
  if (/^[A-Za-z0-9_-]{16,100}$/.test(fragment) || (address.pathname.startsWith('/moi') && /^[A-Za-z0-9_-]+$/.test(fragment))) return fragment;
  return new URLSearchParams(fragment).get('link') ?? inviteOf(address);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * Return the invite secret, from `#k=` or `?k=`. Links use `#` because no browser sends a fragment to a server, so no log
 * contains it. `?k=` is read because some mail programs remove fragments.
 */
function inviteOf(address: URL): string | null {
  const fragment = new URLSearchParams(address.hash.slice(1)).get('k');
  return fragment ?? address.searchParams.get('k');
}

/**
 * Report whether a change of the address leads to another page. If only the part after `#` changed, a pasted link leads on,
 * and a jump within the page (`#main`) does not.
 */
export function leadsOn(from: Route, to: Route, fragment: string): boolean {
  if (!samePage(from, to)) return true;
  if (fragment === '#main') return false;
  if (to.page === 'desk') return BY_SECRET.includes(to.place.desk) && to.place.secret !== null;
  if (to.page === 'report' || to.page === 'card') return fragment !== '';
  if (to.page === 'meeting') return fragment === '' || to.invite !== null;
  return to.page === 'test' && to.back !== null;
}

/** The desk pages that a secret in the fragment opens. */
const BY_SECRET: Desk[] = ['sign-in', 'answer', 'join'];

/** Report whether two routes are the same page. Their secrets are not compared. */
export function samePage(one: Route, other: Route): boolean {
  if (one.page === 'meeting' && other.page === 'meeting') return one.conference === other.conference;
  if (one.page === 'desk' && other.page === 'desk') return path(one.place) === path(other.place);
  return one.page === other.page && one.page !== 'missing';
}

function path(place: Place): string {
  return [place.desk, ...place.parts, place.query].join('/');
}

export function meetingPath(conference: string, invite: string | null): string {
  const path = `/m/${encodeURIComponent(conference)}`;
  return invite === null ? path : `${path}#k=${encodeURIComponent(invite)}`;
}

/** Report whether only this machine can open the link, because the link's host is this machine. */
export function opensHereOnly(link: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(link).hostname);
}

/**
 * Return the path of the check of devices and line. The path contains the way back to the meeting. The invite stays in the
 * fragment.
 */
export function checkPath(conference: string, invite: string | null): string {
  return `/test#back=${encodeURIComponent(meetingPath(conference, invite))}`;
}

/** Return the meeting of the way back. The function takes only the number and the secret of the path, never its host. */
function backOf(address: URL): Numbered | null {
  const path = new URLSearchParams(address.hash.slice(1)).get('back');
  if (path === null || !path.startsWith('/m/')) return null;
  const { page, ...meeting } = parseRoute(new URL(path, address.origin));
  return page === 'meeting' ? (meeting as Numbered) : null;
}

/**
 * Return the meeting that a pasted or typed text names: a number in any spelling, or a whole link. Null: the text names no
 * meeting.
 */
export function typedMeeting(text: string): Numbered | null {
  const trimmed = text.trim();
  if (trimmed.includes('/')) return linkedMeeting(trimmed);
  const conference = meetingNumber(trimmed.replace(/\s+/g, ''));
  return conference === null ? null : { conference, invite: null };
}

function linkedMeeting(text: string): Numbered | null {
  try {
    const route = parseRoute(new URL(/^https?:/i.test(text) ? text : `https://${text}`));
    return route.page === 'meeting' ? route : null;
  } catch {
    return null;
  }
}

/**
 * Return the meeting number. `ABCDEFGHIJ` and `Abc-defg-hij` mean `abc-defg-hij`: phones write capitals, and people omit the
 * dashes.
 */
function meetingNumber(text: string): string | null {
  if (!NUMBER.test(text)) return null;
  const letters = text.toLowerCase().replaceAll('-', '');
  if (!/^[a-z]{10}$/.test(letters)) return text;
  return `${letters.slice(0, 3)}-${letters.slice(3, 7)}-${letters.slice(7)}`;
}
