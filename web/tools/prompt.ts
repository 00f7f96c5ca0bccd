/** A full reconnect of `livekit-client` waits two seconds before it looks at its new peer connections, as a resume does for its old ones,
 *  whose state may be stale. New ones have no stale state, and until then the page shows no picture. So the wait is cut here, and the
 *  build fails when another version of the library reads otherwise. */
import type { Plugin } from 'vite';

const LIBRARY = /livekit-client\/dist\/livekit-client\.esm\.mjs$/;
/** Until the connection has begun to connect: before that the library would negotiate once more. */
const WAIT_MS = 100;

/** Each text, how often it stands in the library, and what its first place reads from now on; a full reconnect comes before the resume. */
const CHANGES: [string, number, string][] = [
  ['yield this.waitForPCReconnected();', 2, `yield this.waitForPCReconnected(${WAIT_MS});`],
  ['  waitForPCReconnected() {', 1, '  waitForPCReconnected(wait = minReconnectWait) {'],
  ['yield sleep(minReconnectWait);', 1, 'yield sleep(wait);'],
];

/** The library as the page has it. Throws where it reads otherwise than expected. */
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
