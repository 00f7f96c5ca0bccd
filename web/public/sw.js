// The service worker of pushes. A push has no content: the text is always the same and names no meeting. It answers no request
// of a page, so pages load as without it.
const HOME = '/my';

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('push', (event) => {
  event.waitUntil(self.registration.showNotification('Điểm Cầu', { body: 'Có việc mới', tag: 'notices', lang: 'vi' }));
});
self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(show());
});

/** Show the list of the user's tasks: in a tab that already shows it, or in a new tab. A tab with a meeting stays as it is. */
async function show() {
  const tabs = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const found = tabs.find((tab) => new URL(tab.url).pathname === HOME);
  if (found === undefined) await self.clients.openWindow(HOME);
  else await found.focus();
}
