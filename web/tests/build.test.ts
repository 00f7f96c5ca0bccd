import { afterEach, describe, expect, it, vi } from 'vitest';
import { Build, typing } from '../src/browser/build';
import { idOf } from '../tools/stamped';

function page(build: string, served: unknown): ReturnType<typeof vi.fn> {
  document.head.innerHTML = `<meta name="build" content="${build}" />`;
  const reload = vi.fn();
  vi.stubGlobal('location', { reload });
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify(served)));
  return reload;
}

describe('the build of a page', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    sessionStorage.clear();
  });

  it('is not outdated by the same build, by no answer, and in the development server', async () => {
    for (const [own, served] of [['one', { build: 'one' }], ['one', {}], ['one', { build: 7 }], ['__BUILD__', { build: 'two' }], ['', { build: 'two' }]] as const) {
      page(own, served);
      expect(await new Build().compare(), `${own} ${JSON.stringify(served)}`).toBe(false);
    }
  });

  it('loads again once for each newer build', async () => {
    const reload = page('one', { build: 'two' });
    const build = new Build();
    expect(await build.compare()).toBe(true);
    build.load();
    expect(reload).toHaveBeenCalledTimes(1);
    expect(await new Build().compare()).toBe(false);
    vi.stubGlobal('fetch', async () => new Response('{"build": "three"}'));
    expect(await new Build().compare()).toBe(true);
  });

  it('is left alone while text stands in a field', () => {
    document.body.innerHTML = '<input type="checkbox" checked /><input value="given" /><textarea></textarea>';
    expect(typing()).toBe(false);
    document.querySelector('textarea')!.value = 'Kính gửi';
    expect(typing()).toBe(true);
  });

  it('has an id that depends on names and contents, not on the order', () => {
    const one: [string, string][] = [['a', '1'], ['b', '2']];
    expect(idOf([...one].reverse())).toBe(idOf(one));
    expect(idOf([['a', '12'], ['b', '']])).not.toBe(idOf(one));
    expect(idOf(one)).toMatch(/^[0-9a-f]{16}$/);
  });
});
