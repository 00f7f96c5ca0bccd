/**
 * Changes `livekit-client` for this page in two places. The build fails if another version of the library has other code
 * there.
 *
 * In the original library a full reconnect waits two seconds before it reads the state of its new peer connections. A resume
 * needs this wait, because its old connections may have a stale state. New connections have no stale state, and the page
 * shows no picture during the wait. The changed library waits only until the new connections have begun to connect. Before
 * that time the library negotiates once more.
 *
 * A failed attempt starts the timer of the next attempt. Then the end of the failed attempt forgets this timer. If the server
 * asks for a full reconnect, the forgotten timer is not stopped. It fires after the reconnect and resumes a good connection,
 * so new pictures are held back for two seconds. In the changed library an attempt forgets only its own timer.
 */
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
