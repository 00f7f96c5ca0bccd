/** Registers the service worker (`public/sw.js`): the page without a network, and pushes. */
const PROGRAM = '/sw.js';

interface Rule {
  createScriptURL(address: string): string;
}

/** Register the service worker. Throw the error of the browser: private windows and unsafe addresses have no workers. */
export function registerWorker(): Promise<ServiceWorkerRegistration> {
  return navigator.serviceWorker.register(trusted());
}

/** Register the service worker when the page has loaded. Without it the page works too, except without a network. */
export function registerLater(): void {
  if (!('serviceWorker' in navigator)) return;
  addEventListener('load', () => void registerWorker().catch(() => undefined), { once: true });
}

/** Return the address of the service worker in the form that Trusted Types demand (`signaling/front/guard.py`). */
function trusted(): string {
  const { trustedTypes } = globalThis as { trustedTypes?: { createPolicy(name: string, rules: Rule): Rule } };
  rule ??= trustedTypes?.createPolicy('push-worker', { createScriptURL: () => PROGRAM });
  return rule?.createScriptURL(PROGRAM) ?? PROGRAM;
}
let rule: Rule | undefined;
