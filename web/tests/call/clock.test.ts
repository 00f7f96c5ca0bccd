import { describe, expect, it } from 'vitest';
import { clock, lasted } from '../../src/call/bar/clock';

describe('the clock of a meeting', () => {
  it('has 24 hours and two digits', () => {
    expect(clock(new Date(2026, 11, 1, 9, 5).getTime())).toBe('09:05');
    expect(clock(new Date(2026, 11, 1, 23, 59).getTime())).toBe('23:59');
  });

  it('counts whole minutes, and none before the beginning', () => {
    expect([lasted(1_000_000, 1_059_999), lasted(1_000_000, 1_060_000), lasted(1_000_000, 0)]).toEqual([0, 1, 0]);
  });
});
