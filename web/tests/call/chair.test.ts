import { describe, expect, it } from 'vitest';
import type { Desk, Turn } from '../../src/call/chair/desk';
import { clockText, delegationsOf, groupsOf, queueOf, roleOf, silentFor, timingOf } from '../../src/call/chair/floor';

const AT_MS = 1_796_155_200_000;
const DESK: Desk = {
  people: {
    an: { n: 'Nguyễn Văn An', u: 'Sở Y tế', r: 'chair' },
    binh: { n: 'Trần Thị Bình', u: 'Sở Tài chính', h: AT_MS - 80_000, m: 1 },
    cuong: { n: 'Lê Hoàng Cường', r: 'guest', h: AT_MS - 5_000 },
    hall: { n: 'Ủy ban nhân dân xã Bến', k: 'h', h: AT_MS - 30_000 },
  },
  queue: { cuong: { o: 4, k: 'order' }, hall: { o: 9 }, binh: { o: 8, k: 'question' }, gone: { o: 1 } },
};
const turn = (over: Partial<Turn> = {}): Turn => ({ id: 'binh', kind: 'speech', delegation: 'Sở Tài chính', since: AT_MS, ...over });

describe('queue', () => {
  it('has the order of the server, and no person who has left', () => {
    expect(queueOf(DESK).map(({ identity, place, kind, asked_ms }) => [identity, place, kind, asked_ms])).toEqual([
      ['cuong', 1, 'order', AT_MS - 5_000],
      ['binh', 2, 'question', AT_MS - 80_000],
      ['hall', 3, 'speech', AT_MS - 30_000],
    ]);
    expect(queueOf({})).toEqual([]);
  });
});

describe('timer', () => {
  it.each([
    [0, 'plain', 180, 0],
    [119_000, 'plain', 61, 119],
    [120_000, 'near', 60, 120],
    [179_999, 'near', 1, 179],
    [180_000, 'over', 0, 180],
    [191_000, 'over', -11, 191],
    [-900, 'plain', 181, 0],
  ])('after %i ms is %s', (later_ms, tone, left_s, spoken_s) => {
    expect(timingOf(turn({ ends_at: AT_MS + 180_000 }), AT_MS + later_ms)).toEqual({ tone, left_s, spoken_s });
  });

  it('has no colour without an end', () => {
    expect(timingOf(turn(), AT_MS + 7_200_000)).toEqual({ tone: 'plain', left_s: null, spoken_s: 7200 });
  });

  it.each([
    [0, '0:00'],
    [5.9, '0:05'],
    [760, '12:40'],
    [3723, '1:02:03'],
    [-11, '-0:11'],
  ])('writes %d seconds as %s', (time_s, text) => expect(clockText(time_s)).toBe(text));
});

describe('microphone', () => {
  const inMode = (mode: 'one' | 'several', turns: Turn[] = []): Desk => ({ ...DESK, floor: { mode, turns } });

  it('is barred in the modes with turns, for all but the chair and the speakers', () => {
    expect(silentFor(DESK, 'binh', false)).toBe('');
    expect(silentFor(inMode('one'), 'binh', true)).toBe('one');
    expect(silentFor(inMode('several'), 'binh', false)).toBe('several');
    expect(silentFor(inMode('one', [turn()]), 'binh', false)).toBe('');
    expect(silentFor(inMode('one', [turn()]), 'cuong', false)).toBe('one');
    expect(silentFor(inMode('one'), 'an', false)).toBe('');
  });

  it('is barred by the rule for the people whom the rule means, until a leader asks', () => {
    const ruled = (unmute_off: 'guests' | 'halls' | 'all'): Desk => ({ ...DESK, rules: { unmute_off } });
    expect(silentFor(ruled('guests'), 'cuong', false)).toBe('unmute_off');
    expect(silentFor(ruled('guests'), 'cuong', true)).toBe('');
    expect(silentFor(ruled('guests'), 'binh', false)).toBe('');
    expect(silentFor(ruled('halls'), 'hall', false)).toBe('unmute_off');
    expect(silentFor(ruled('all'), 'binh', false)).toBe('unmute_off');
    expect(silentFor(ruled('all'), 'an', false)).toBe('');
  });
});

describe('roles, units and delegations', () => {
  it('gives the chair to the holder of the rights', () => {
    expect(roleOf(DESK, 'an')).toBe('chair');
    expect(roleOf({ ...DESK, chair: { id: 'binh', phase: 'lent' } }, 'binh')).toBe('chair');
    expect([roleOf(DESK, 'binh'), roleOf(DESK, 'hall'), roleOf(DESK, 'nobody')]).toEqual(['delegate', 'hall', 'delegate']);
  });

  it('groups people by unit, and people without a unit last', () => {
    expect(groupsOf(DESK).map((one) => [one.unit, one.people.map(({ identity }) => identity)])).toEqual([
      ['Sở Tài chính', ['binh']],
      ['Sở Y tế', ['an']],
      ['Ủy ban nhân dân xã Bến', ['hall']],
      ['', ['cuong']],
    ]);
  });

  it('counts the turn that runs into the time of its delegation', () => {
    const floor = { turns: [turn()], spoken: { 'Sở Tài chính': 30, 'Sở cũ': 12 }, budgets: { 'Sở Tài chính': 300 } };
    expect(delegationsOf({ ...DESK, floor }, AT_MS + 15_000).map((one) => [one.key, one.spoken_s, one.budget_s])).toEqual([
      ['cuong', 0, null],
      ['Sở cũ', 12, null],
      ['Sở Tài chính', 45, 300],
      ['Sở Y tế', 0, null],
      ['hall', 0, null],
    ]);
  });
});
