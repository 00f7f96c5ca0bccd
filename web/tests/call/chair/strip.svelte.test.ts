import { flushSync, mount, unmount } from 'svelte';
import { afterEach, expect, it, vi } from 'vitest';
import type { Chairing } from '../../../src/call/chair/chairing.svelte';
import type { Turn } from '../../../src/call/chair/desk';
import FloorStrip from '../../../src/call/chair/FloorStrip.svelte';

const AT_MS = 1_796_155_200_000;
const TURN: Turn = { id: 'binh', kind: 'speech', delegation: 'Sở Tài chính', since: AT_MS, ends_at: AT_MS + 180_000 };

let shown: ReturnType<typeof mount> | undefined;

afterEach(async () => {
  if (shown !== undefined) await unmount(shown);
});

/** Show the strip to a user, and return a function that sets the seconds since the begin of the turn and counts the notes. */
function strip(identity: string, chairs: boolean, first_s: number): (later_s: number) => number {
  const desk = $state({ now_ms: AT_MS + first_s * 1000 });
  const turns = [TURN];
  const chairing = {
    turns,
    identity,
    chairs,
    busy: '',
    ownTurn: turns.find((one) => one.id === identity),
    get now_ms() {
      return desk.now_ms;
    },
    may: () => true,
    nameOf: (who: string) => who,
  };
  const warn = vi.fn();
  shown = mount(FloorStrip, { target: document.body, props: { chairing: chairing as unknown as Chairing, warn } });
  flushSync();
  return (later_s) => {
    desk.now_ms = AT_MS + later_s * 1000;
    flushSync();
    return warn.mock.calls.length;
  };
}

it.each([
  ['the speaker', 'binh', false],
  ['a leader', 'an', true],
])('plays a note for %s when the last minute begins, and at the end', (_, identity, chairs) => {
  const notes = strip(identity, chairs, 0);
  expect([60, 119, 120, 150, 179, 180, 181, 240].map(notes)).toEqual([0, 0, 1, 1, 1, 2, 2, 2]);
});

it('plays none for the others', () => {
  const notes = strip('cuong', false, 0);
  expect([120, 180].map(notes)).toEqual([0, 0]);
});

it('plays none for a warning before the page was loaded', () => {
  const notes = strip('binh', false, 130);
  expect([131, 180].map(notes)).toEqual([0, 1]);
});
