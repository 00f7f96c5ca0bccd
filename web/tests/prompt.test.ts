import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { changed } from '../tools/prompt.ts';

const LIBRARY = readFileSync('node_modules/livekit-client/dist/livekit-client.esm.mjs', 'utf8');

it('shortens the wait of a full reconnect and leaves that of a resume', () => {
  const code = changed(LIBRARY);
  const waits = code.split('\n').filter((line) => line.includes('yield this.waitForPCReconnected('));
  expect(waits.map((line) => line.trim())).toEqual(['yield this.waitForPCReconnected(100);', 'yield this.waitForPCReconnected();']);
  expect(code.indexOf(waits[0]!)).toBeLessThan(code.indexOf('resumeConnection(reason) {'));
  expect(code).toContain('waitForPCReconnected(wait = minReconnectWait) {');
  expect(code).toContain('yield sleep(wait);');
});

it('fails the build where the library reads otherwise', () => {
  expect(() => changed(LIBRARY.replace('yield sleep(minReconnectWait)', 'yield rest()'))).toThrow('expected 1 times');
  expect(() => changed(LIBRARY.replace('restartConnection(abortSignal, regionUrl) {', 'again() {'))).toThrow('reads otherwise');
});
