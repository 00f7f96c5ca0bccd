import { afterEach, describe, expect, it, vi } from 'vitest';
import { flushSync, mount, unmount } from 'svelte';
import Changes from '../../src/desk/book/Changes.svelte';
import type { ChangeLine } from '../../src/server/model';

const TITLE: ChangeLine = { field: 'title', name: 'tên', before: 'A', after: 'B' };
const TYPE: ChangeLine = { field: 'type_code', name: 'loại', before: '', after: 'internal' };

function shown(lines: ChangeLine[]) {
  const props = $state({ lines, day: '2026-11-30' });
  const page = mount(Changes, { target: document.body, props });
  flushSync();
  const texts = () => [...document.querySelectorAll('dt, ins')].map((one) => one.textContent.replace(/^Sau: ?/, '').trim());
  return { props, texts, close: () => void unmount(page) };
}

describe('the lines of a change', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('name the type of a second change that replaces a first change without a type', async () => {
    const asked: string[] = [];
    vi.stubGlobal('fetch', (path: string) => {
      asked.push(path);
      return Promise.resolve(new Response(JSON.stringify({ items: [{ code: 'internal', name: 'Họp nội bộ', name_en: '' }], next: null })));
    });
    const { props, texts, close } = shown([TITLE]);
    expect([texts(), asked]).toEqual([['Tên', 'B'], []]);
    props.lines = [TYPE];
    flushSync();
    await vi.waitFor(() => expect(texts()).toEqual(['Loại', 'Họp nội bộ']));
    expect(asked).toHaveLength(1);
    close();
  });

  it('of an older server keep its texts', () => {
    const { texts, close } = shown([
      { field: 'scope', name: 'phạm vi', before: '', after: 'Chỉ buổi 08:00 30/11/2026' },
      { field: 'duration_min', name: 'thời lượng', before: '', after: '60 phút' },
    ]);
    expect(texts()).toEqual(['Phạm vi', 'Chỉ buổi 08:00 30/11/2026', 'Thời lượng', '60 phút']);
    close();
  });
});
