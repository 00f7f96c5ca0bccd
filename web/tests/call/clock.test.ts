import { describe, expect, it } from 'vitest';
import { clockOf } from '../../src/browser/zone';
import { lasted } from '../../src/call/bar/clock';

describe('the clock of a meeting', () => {
  it('has 24 hours and two digits, in the time of the province', () => {
    expect(clockOf(Date.UTC(2026, 11, 1, 2, 5))).toBe('09:05');
    expect(clockOf(new Date(Date.UTC(2026, 11, 1, 16, 59)))).toBe('23:59');
    expect(clockOf(Date.UTC(2026, 11, 1, 17, 0))).toBe('00:00');
  });

  it('counts whole minutes, and none before the beginning', () => {
    expect([lasted(1_000_000, 1_059_999), lasted(1_000_000, 1_060_000), lasted(1_000_000, 0)]).toEqual([0, 1, 0]);
  });
});
