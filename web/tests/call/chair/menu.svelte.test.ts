import { flushSync, mount, unmount } from 'svelte';
import { afterEach, expect, it } from 'vitest';
import type { Chairing } from '../../../src/call/chair/chairing.svelte';
import PersonMenu from '../../../src/call/chair/PersonMenu.svelte';

let shown: ReturnType<typeof mount> | undefined;

afterEach(async () => {
  if (shown !== undefined) await unmount(shown);
});

it('says why its buttons do not work while the connection is lost', () => {
  const channel = $state({ live: true, why: '' });
  const chairing = {
    get live() {
      return channel.live;
    },
    get why() {
      return channel.why;
    },
    busy: '',
    trouble: '',
    desk: { people: { binh: { n: 'Bình', m: 1 } } },
    may: () => true,
    nameOf: (who: string) => who,
  };
  const props = { identity: 'binh', chairing: chairing as unknown as Chairing, close: () => undefined };
  shown = mount(PersonMenu, { target: document.body, props });
  flushSync();
  const told = () => document.querySelector('[data-testid=host-offline]')?.textContent;
  const mute = document.querySelector<HTMLButtonElement>('[data-testid=host-mute]')!;
  expect([told(), mute.disabled]).toEqual([undefined, false]);
  channel.live = false;
  flushSync();
  expect([told(), mute.disabled]).toEqual(['Đang nối lại với máy chủ. Các nút tạm chưa dùng được.', true]);
  channel.why = 'Cuộc họp đã kết thúc.';
  flushSync();
  expect(told()).toBe('Cuộc họp đã kết thúc.');
  [channel.live, channel.why] = [true, ''];
  flushSync();
  expect(told()).toBeUndefined();
});
