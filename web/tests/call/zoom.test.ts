import { describe, expect, it } from 'vitest';
import { actOf, PLAIN_KEYS } from '../../src/call/bar/keys';
import { fitted, isDoubleTap, moved, zoomed, MOST_SCALE, WHOLE } from '../../src/call/stage/zoom';

const AREA = { width: 400, height: 300 };
const FIT = fitted(AREA, { width: 1280, height: 720 });

describe('an enlarged presentation', () => {
  it('fits whole at first', () => {
    expect(FIT).toEqual({ width: 400, height: 225 });
    expect(fitted(AREA, { width: 0, height: 0 })).toEqual(AREA);
  });

  it('keeps the point under the pointer', () => {
    const at = { x: 100, y: -40 };
    const now = zoomed(WHOLE, 2, at, AREA, FIT);
    expect(now.scale).toBe(2);
    // The point of the picture that was at `at`: its distance from the picture's centre has doubled.
    expect({ x: now.x + 2 * at.x, y: now.y + 2 * at.y }).toEqual(at);
  });

  it('is never smaller than the whole, and never larger than the limit', () => {
    expect(zoomed(WHOLE, 0.1, { x: 50, y: 50 }, AREA, FIT)).toEqual(WHOLE);
    expect(zoomed(WHOLE, 1e6, { x: 0, y: 0 }, AREA, FIT).scale).toBe(MOST_SCALE);
    const far = zoomed(zoomed(WHOLE, 4, { x: 200, y: 100 }, AREA, FIT), 1e-6, { x: -200, y: 0 }, AREA, FIT);
    expect([far.scale, far.x + 0, far.y + 0]).toEqual([1, 0, 0]);
  });

  it('moves up to its edges only', () => {
    const twice = zoomed(WHOLE, 2, { x: 0, y: 0 }, AREA, FIT);
    expect(moved(twice, { x: 9999, y: -9999 }, AREA, FIT)).toEqual({ scale: 2, x: 200, y: -75 });
    // The picture is lower than the area: there is nothing to move.
    const little = zoomed(WHOLE, 1.2, { x: 0, y: 0 }, AREA, FIT);
    expect(moved(little, { x: 0, y: 500 }, AREA, FIT).y).toBe(0);
  });

  it('knows a double tap by time and place', () => {
    const tap = { x: 10, y: 10, at_ms: 1_000 };
    expect(isDoubleTap(null, tap)).toBe(false);
    expect(isDoubleTap(tap, { x: 14, y: 8, at_ms: 1_200 })).toBe(true);
    expect(isDoubleTap(tap, { x: 14, y: 8, at_ms: 1_500 })).toBe(false);
    expect(isDoubleTap(tap, { x: 90, y: 8, at_ms: 1_200 })).toBe(false);
  });
});

describe('keys', () => {
  const plain = { ctrlKey: false, metaKey: false, altKey: false };

  it('act in both cases, and never together with Ctrl', () => {
    for (const { key, act } of PLAIN_KEYS) {
      expect(actOf({ key, ...plain })).toBe(act);
      expect(actOf({ key: key.toLowerCase(), ...plain })).toBe(act);
      for (const held of ['ctrlKey', 'metaKey', 'altKey']) expect(actOf({ key, ...plain, [held]: true })).toBeNull();
    }
    expect(actOf({ key: '=', ...plain })).toBe('larger');
    for (const key of ['Enter', 'q', 'đ', ' ', 'Tab']) expect(actOf({ key, ...plain })).toBeNull();
  });

  it('have one action each', () => {
    expect(new Set(PLAIN_KEYS.map((one) => one.key)).size).toBe(PLAIN_KEYS.length);
    expect(new Set(PLAIN_KEYS.map((one) => one.act)).size).toBe(PLAIN_KEYS.length);
  });
});
