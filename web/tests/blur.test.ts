import { describe, expect, it } from 'vitest';
import { blurNatively, watchBlur } from '../src/blur/native';
import { Pace } from '../src/blur/pace';
import { planes } from '../src/blur/planes';

/** Return the ms after which the pace calls the machine slow. Each picture takes `work_ms`, at `fps` pictures a second. */
function slowAt(work_ms: number, fps: number, pace = new Pace(), from_ms = 0, for_ms = 30_000): number | null {
  for (let now_ms = from_ms; now_ms < from_ms + for_ms; now_ms += Math.max(work_ms, 1000 / fps)) {
    if (pace.took(now_ms, now_ms + work_ms)) return now_ms - from_ms;
  }
  return null;
}

describe('the pace of blurring', () => {
  it('is too slow after two windows in which less than eight pictures a second are possible', () => {
    const at_ms = slowAt(200, 25);
    expect(at_ms).toBeGreaterThan(8_000);
    expect(at_ms).toBeLessThan(12_000);
    expect(slowAt(100, 25)).toBeNull();
  });

  it('is not judged by a camera that gives few pictures', () => {
    expect(slowAt(20, 5)).toBeNull();
  });

  it('forgives a moment', () => {
    const pace = new Pace();
    expect(slowAt(20, 25, pace, 0, 2_000)).toBeNull();
    expect(slowAt(300, 25, pace, 2_000, 5_000)).toBeNull();
    expect(slowAt(20, 25, pace, 7_000, 20_000)).toBeNull();
  });
});

describe('the colours of a blurred picture', () => {
  /** Return the I420 bytes of a picture with one colour. */
  const told = (red: number, green: number, blue: number, width = 3, height = 3) => {
    const data = new Uint8ClampedArray(Array.from({ length: width * height }, () => [red, green, blue, 255]).flat());
    return [...planes({ data, width, height }, null).bytes];
  };

  it.each([
    [[0, 0, 0], [16, 128, 128]],
    [[255, 255, 255], [235, 128, 128]],
    [[255, 0, 0], [82, 90, 240]],
    [[0, 255, 0], [145, 54, 34]],
    [[0, 0, 255], [41, 240, 110]],
  ])('are those of BT.601: %j is %j', ([red, green, blue], [y, u, v]) => {
    const wanted = [...Array(9).fill(y), ...Array(4).fill(u), ...Array(4).fill(v)] as number[];
    const seen = told(red!, green!, blue!);
    expect(seen).toHaveLength(wanted.length);
    for (const [at, one] of seen.entries()) expect(Math.abs(one - wanted[at]!)).toBeLessThanOrEqual(1);
  });

  it('fill the bytes of the last picture, where they fit', () => {
    const data = new Uint8ClampedArray(16);
    const first = planes({ data, width: 2, height: 2 }, null);
    expect(planes({ data, width: 2, height: 2 }, first)).toBe(first);
    expect(planes({ data: new Uint8ClampedArray(24), width: 3, height: 2 }, first)).not.toBe(first);
  });
});

/** Return a camera as in the standard. `offers`: the abilities of its driver. */
function camera(offers: boolean[] | undefined, obeys = true) {
  let wishes: Record<string, unknown> = { width: 640 };
  const made = {
    readyState: 'live',
    getCapabilities: () => ({ backgroundBlur: offers }),
    getConstraints: () => wishes,
    getSettings: () => ({ backgroundBlur: obeys && wishes.backgroundBlur === true }),
    applyConstraints: async (all: Record<string, unknown>) => void (wishes = all),
  };
  return made as unknown as MediaStreamTrack;
}

describe('the blur of a driver', () => {
  it('is used where it is, beside the other wishes', async () => {
    const track = camera([false, true]);
    expect(await blurNatively(track, true)).toBe(true);
    expect(track.getConstraints()).toEqual({ width: 640, backgroundBlur: true });
    expect(await blurNatively(track, false)).toBe(true);
  });

  it('is not believed where it is missing, or does not obey', async () => {
    expect(await blurNatively(camera(undefined), true)).toBe(false);
    expect(await blurNatively(camera([false]), true)).toBe(false);
    expect(await blurNatively(camera([false, true], false), true)).toBe(false);
  });

  it('is watched: what ends it is told, until nobody asks any more', () => {
    const track = Object.assign(new EventTarget(), { on: true, getSettings: () => ({ backgroundBlur: track.on }) });
    let lost = 0;
    const unwatch = watchBlur(track as unknown as MediaStreamTrack, () => (lost += 1));
    track.dispatchEvent(new Event('configurationchange'));
    expect(lost).toBe(0);
    track.on = false;
    track.dispatchEvent(new Event('configurationchange'));
    expect(lost).toBe(1);
    unwatch();
    track.dispatchEvent(new Event('configurationchange'));
    expect(lost).toBe(1);
  });
});
