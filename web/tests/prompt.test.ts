import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { changed } from '../tools/prompt.ts';

const LIBRARY = readFileSync('node_modules/livekit-client/dist/livekit-client.esm.mjs', 'utf8');

/** Return an engine of this library with fake timers. */
function engineOf(code: string, retry: (context: { retryCount: number }) => number) {
  const { Room } = new Function(code.replace(/export ?\{[^{}]*\};/, 'return { Room };'))();
  const room = new Room({ reconnectPolicy: { nextRetryDelayInMs: retry } });
  room.maybeCreateEngine();
  room.engine._isClosed = false;
  return room.engine;
}

/** Return the ms that a full reconnect, or a resume, waits for connections that begin to connect `begin` ms later. */
async function waits(code: string, begin: number, kind: 'restartConnection' | 'resumeConnection'): Promise<number> {
  vi.useFakeTimers();
  const engine = engineOf(code, () => 100);
  engine.removeAllListeners();
  const done = async () => {};
  engine.pcManager = { currentState: 0, updateConfiguration: done, triggerIceRestart: done, ensurePCTransportConnection: done };
  setTimeout(() => (engine.pcManager.currentState = 1), begin);
  engine.setupSignalClientCallbacks = engine.cleanupPeerConnections = engine.cleanupClient = done;
  [engine.url, engine.token, engine.signalOpts] = ['ws://server', 'token', {}];
  engine.join = async () => ({ joinResponse: {} });
  engine.client = { isDisconnected: true, currentState: 0, setReconnected: done, reconnect: done };
  const [since, until] = [Date.now(), { at: 0 }];
  const end = () => (until.at = Date.now());
  engine[kind](new AbortController().signal).then(end, end);
  await vi.advanceTimersByTimeAsync(3000);
  vi.useRealTimers();
  return until.at - since;
}

it('shortens the wait of a full reconnect and leaves that of a resume', async () => {
  expect(await waits(LIBRARY, 50, 'restartConnection')).toBe(2000);
  expect(await waits(changed(LIBRARY), 50, 'restartConnection')).toBe(60);
  expect(await waits(changed(LIBRARY), 500, 'restartConnection')).toBe(500);
  expect(await waits(changed(LIBRARY), 50, 'resumeConnection')).toBe(2000);
});

it('fails the build where the library reads otherwise', () => {
  expect(() => changed(LIBRARY.replace('yield sleep(minReconnectWait)', 'yield rest()'))).toThrow('expected 1 times');
  expect(() => changed(LIBRARY.replace('restartConnection(abortSignal, regionUrl) {', 'again() {'))).toThrow('reads otherwise');
});

/** Return the kinds of attempts after a failed resume whose server then asks for a full reconnect, as a killed server does. */
async function attempts(code: string): Promise<string[]> {
  vi.useFakeTimers();
  const engine = engineOf(code, ({ retryCount }) => (retryCount === 0 ? 100 : 400));
  const made: string[] = [];
  engine.pcManager = { currentState: 2, close: () => {} };
  engine.restartConnection = async () => made.push('join');
  engine.resumeConnection = async () => {
    made.push('resume');
    if (made.length === 1) throw new Error('setConfiguration');
  };
  engine.handleDisconnect('signal');
  await vi.advanceTimersByTimeAsync(150);
  engine.fullReconnectOnNext = true;
  engine.handleDisconnect('leave-reconnect');
  await vi.advanceTimersByTimeAsync(1000);
  vi.useRealTimers();
  return made;
}

it('joins once where the server asks for it while another attempt waits', async () => {
  expect(await attempts(LIBRARY)).toEqual(['resume', 'join', 'resume']);
  expect(await attempts(changed(LIBRARY))).toEqual(['resume', 'join']);
});
