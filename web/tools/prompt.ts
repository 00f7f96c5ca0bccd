/** `livekit-client` as our page has it: two changes, and the build fails when another version of the library reads otherwise.
 *
 *  A full reconnect waits two seconds before it looks at its new peer connections, as a resume does for its old ones, whose state may
 *  be stale. New ones have no stale state, and until then the page shows no picture. So it waits only until they have begun to connect:
 *  before that the library would negotiate once more.
 *
 *  An attempt that ends forgets the timer of the next attempt, which its failure has just started. When the server asks for a full
 *  reconnect then, the forgotten timer is not stopped. It fires after the reconnect, so that a good connection is resumed: for two
 *  seconds new pictures are kept back. So an attempt forgets its own timer only. */
import type { Plugin } from 'vite';

const LIBRARY = /livekit-client\/dist\/livekit-client\.esm\.mjs$/;
const LOOK_MS = 20;
const BEGUN = `  async begun() {
    for (let left = minReconnectWait; left > 0 && this.pcManager && this.pcManager.currentState === PCTransportState.NEW; left -= ${LOOK_MS}) {
      await sleep(${LOOK_MS});
    }
  }
`;

/**
 * The changes: each text, how often the library contains it, and the replacement of its first place. A full reconnect comes
 * before the resume.
 */
const CHANGES: [string, number, string][] = [
  ['yield this.waitForPCReconnected();', 2, 'yield this.waitForPCReconnected(true);'],
  ['  waitForPCReconnected() {', 1, `${BEGUN}  waitForPCReconnected(fresh = false) {`],
  ['yield sleep(minReconnectWait);', 1, 'yield fresh ? this.begun() : sleep(minReconnectWait);'],
  ['      this.reconnectTimeout = CriticalTimers.setTimeout(', 1, '      const timer = this.reconnectTimeout = CriticalTimers.setTimeout('],
  [
    '.finally(() => this.reconnectTimeout = undefined)',
    1,
    '.finally(() => { if (this.reconnectTimeout === timer) this.reconnectTimeout = undefined; })',
  ],
];

/** Return the library with the changes. Throw if the library's text is not as expected. */
export function changed(code: string): string {
  const restart = code.indexOf('restartConnection(abortSignal, regionUrl) {');
  const first = code.indexOf('yield this.waitForPCReconnected();');
  const resume = code.indexOf('resumeConnection(reason) {');
  if (!(restart >= 0 && restart < first && first < resume)) throw new Error('livekit-client: the full reconnect reads otherwise');
  return CHANGES.reduce((text, [from, count, to]) => {
    if (text.split(from).length !== count + 1) throw new Error(`livekit-client: "${from}" is expected ${count} times`);
    return text.replace(from, to);
  }, code);
}

export function prompt(): Plugin {
  return {
    name: 'prompt',
    transform: (code, id) => (LIBRARY.test(id) ? { code: changed(code), map: null } : null),
  };
}
