// The service worker. It shows pushes, and a page in words when the server cannot be reached. Every page comes from the network:
// this worker keeps only the files of that page, one set for each build, and answers no request to the server's programs.
const BUILD = '__BUILD__';
const SHELF = `offline-${BUILD}`;
const OFFLINE = '/offline.html';
const KEPT = [OFFLINE, '/offline.css', '/offline.js'];
const PROGRAMS = /^\/(api|rtc|desk|twirp)(\/|$)/;
/** Addresses that the browser takes from the network without asking this worker. */
const PASSED = ['/api/*', '/rtc', '/rtc/*', '/desk', '/twirp/*', '/assets/*', '/build.json'];
/**
 * A worker that hears of every request loses the last requests of a page that closes (`keepalive`): nobody would leave the lobby.
 * So only browsers with static routes (Chromium 123) have the page without a network.
 */
const ROUTES = typeof InstallEvent === 'function' && 'addRoutes' in InstallEvent.prototype;
const HOME = '/my';

self.addEventListener('install', (event) => event.waitUntil(keep(event)));
self.addEventListener('activate', (event) => event.waitUntil(begin()));
if (ROUTES) self.addEventListener('fetch', answer);
self.addEventListener('push', (event) => {
  // A push has no content: the text is always the same and names no meeting.
  event.waitUntil(self.registration.showNotification('Điểm Cầu', { body: 'Có việc mới', tag: 'notices', lang: 'vi' }));
});
self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(show());
});

function answer(event) {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method !== 'GET' || origin !== self.location.origin || PROGRAMS.test(pathname)) return;
  if (event.request.mode === 'navigate') event.respondWith(first(event.preloadResponse, event.request, OFFLINE));
  else if (KEPT.includes(pathname)) event.respondWith(first(undefined, event.request, pathname));
}

async function keep(event) {
  if (ROUTES) await event.addRoutes(PASSED.map((pathname) => ({ condition: { urlPattern: new URLPattern({ pathname }) }, source: 'network' })));
  const shelf = await caches.open(SHELF);
  await shelf.addAll(KEPT.map((path) => new Request(path, { cache: 'reload' })));
  await self.skipWaiting();
}

/** Delete the files of older builds, and let the browser ask the server while this worker starts. */
async function begin() {
  const old = (await caches.keys()).filter((name) => name !== SHELF);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.registration.navigationPreload?.enable();
  await self.clients.claim();
}

/** Return the answer of the network. Without an answer return the kept file. */
async function first(asked, request, kept) {
  try {
    return (await asked) ?? (await fetch(request));
  } catch {
    return (await caches.match(kept)) ?? Response.error();
  }
}

/** Show the list of the user's tasks: in a tab that already shows it, or in a new tab. A tab with a meeting stays as it is. */
async function show() {
  const tabs = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const found = tabs.find((tab) => new URL(tab.url).pathname === HOME);
  if (found === undefined) await self.clients.openWindow(HOME);
  else await found.focus();
}
