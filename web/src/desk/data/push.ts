/** Pushes to this browser: "Có việc mới" while no page is open. The module uses no screen. */
import { get, send } from './client';
import { registerWorker } from '../../browser/worker';
import type { PushKey } from '../../server/model';

/** `unable`: this browser cannot; `denied`: the user forbade notifications in the browser. */
export type PushState = 'off' | 'on' | 'unable' | 'denied';

/** Return the key of the server. Empty: the server sends no pushes. */
export async function pushKey(): Promise<string> {
  return (await get<PushKey>('/push-subscription')).key;
}

export async function pushState(): Promise<PushState> {
  if (!('serviceWorker' in navigator) || !('PushManager' in window) || !('Notification' in window)) return 'unable';
  if (Notification.permission === 'denied') return 'denied';
  return (await subscription()) === null ? 'off' : 'on';
}

/** Ask the user for permission, and tell the server where to push. */
export async function switchOn(key: string): Promise<PushState> {
  if ((await Notification.requestPermission()) !== 'granted') return pushState();
  const registered = await registerWorker();
  await navigator.serviceWorker.ready;
  const made = await registered.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(key) });
  await send('PUT', '/push-subscription', { endpoint: made.endpoint });
  return pushState();
}

/** The server forgets the browser first: if that fails, the switch is still on. */
export async function switchOff(): Promise<PushState> {
  const found = await subscription();
  if (found !== null) {
    await send('POST', '/push-subscription/end', { endpoint: found.endpoint });
    await found.unsubscribe();
  }
  return pushState();
}

async function subscription(): Promise<PushSubscription | null> {
  const registered = await navigator.serviceWorker.getRegistration();
  return (await registered?.pushManager.getSubscription()) ?? null;
}

function bytesOf(key: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(key.replaceAll('-', '+').replaceAll('_', '/')), (one) => one.charCodeAt(0));
}
