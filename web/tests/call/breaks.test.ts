import { describe, expect, it } from 'vitest';
import { currentOf, late_min, moved, nextOf, numberOf, withDraft, without, type Draft } from '../../src/call/chair/agenda/agenda';
import { candidates, left_s, nearestClock, nextClock, outside, returnAfter } from '../../src/call/chair/breaks/pauses';
import type { Agenda, Desk, Item } from '../../src/call/chair/desk';
import { inRecess, isClosed, silentFor } from '../../src/call/chair/floor';

/** 09:20:30 in the province, on 2 December. */
const AT_MS = Date.UTC(2026, 11, 2, 2, 20, 30);
const at = (hours: number, minutes: number, day = 2) => Date.UTC(2026, 11, day, hours - 7, minutes);
const DESK: Desk = {
  people: {
    an: { n: 'Nguyễn Văn An', r: 'chair' },
    thu: { n: 'Thư ký', r: 'secretary' },
    binh: { n: 'Bình' },
    xa: { n: 'Xã Bến', k: 'h' },
    bao: { n: 'Báo chí', r: 'observer' },
    khach: { n: 'Ánh', r: 'guest' },
  },
};

describe('recess', () => {
  it('ends at a whole minute, or at the next such time of the clock', () => {
    expect(returnAfter(15, AT_MS)).toBe(at(9, 36));
    expect(returnAfter(15, at(9, 20))).toBe(at(9, 35));
    expect(nextClock('09:45', AT_MS)).toBe(at(9, 45));
    expect(nextClock('09:20', AT_MS)).toBe(at(9, 20, 3));
    expect(nextClock('00:10', at(23, 50))).toBe(at(0, 10, 3));
    expect(['', '24:00', '9:60', 'x'].map((text) => nextClock(text, AT_MS))).toEqual([null, null, null, null]);
    expect(nearestClock('09:45', AT_MS)).toBe(at(9, 45));
    expect(nearestClock('09:20', AT_MS)).toBe(at(9, 20)); // late already
    expect(nearestClock('00:10', at(23, 50))).toBe(at(0, 10, 3));
    expect(nearestClock('x', AT_MS)).toBeNull();
  });

  it('counts down to zero', () => {
    const recess = { phase: 'recess' as const, until: AT_MS + 1_500 };
    expect([left_s(recess, AT_MS), left_s(recess, AT_MS + 1_500), left_s(recess, AT_MS + 9_000)]).toEqual([2, 0, 0]);
    expect(left_s({ phase: 'recess' }, AT_MS)).toBeNull();
  });

  it.each([
    ['recess', true, false],
    ['closed', false, true],
    ['closed_recess', true, true],
    ['stopping', false, false],
  ] as const)('in the phase %s', (phase, recess, closed) => {
    const desk = { ...DESK, break: { phase } };
    expect([inRecess(desk), isClosed(desk)]).toEqual([recess, closed]);
    expect(silentFor(desk, 'an', true)).toBe(recess ? 'recess' : '');
  });
});

describe('lobby', () => {
  it('offers all who do not lead, guests and observers first', () => {
    expect(candidates(DESK).map((one) => [one.identity, one.usual])).toEqual([
      ['khach', true],
      ['bao', true],
      ['xa', false],
      ['binh', false],
    ]);
  });

  it('shows who waits and is connected', () => {
    expect(outside({ ...DESK, break_out: ['binh', 'gone'] }).map((one) => one.person.n)).toEqual(['Bình']);
    expect(outside(DESK)).toEqual([]);
  });
});

describe('agenda', () => {
  const item = (id: string, over: Partial<Item> = {}): Item => ({ id, title: id, planned_s: 0, speakers: [], votes: [], closed: false, state: 'waiting', ...over });
  const agenda: Agenda = {
    items: [item('a', { state: 'done' }), item('b', { state: 'current', began_at: AT_MS, planned_s: 600 }), item('c', { planned_at: AT_MS, votes: ['v'] }), item('d')],
    current: 'b',
  };
  const draft = (over: Partial<Draft>): Draft => ({ id: '', title: ' Mới ', at: '', minutes: null, speakers: '', closed: false, ...over });

  it('knows the current and the next item', () => {
    expect([currentOf(agenda)?.id, nextOf(agenda)?.id, numberOf(agenda, 'b')]).toEqual(['b', 'c', 2]);
    expect([currentOf(undefined), nextOf({ items: [] })]).toEqual([undefined, undefined]);
  });

  it.each([
    ['b', 599_999 + 60_000, 0],
    ['b', 600_000 + 60_000, 1],
    ['c', 59_999, 0],
    ['c', 60_000, 1],
    ['d', 9_000_000, 0],
    ['a', 9_000_000, 0],
  ])('item %s after %i ms is %i minutes late', (id, later_ms, late) => {
    expect(late_min(agenda.items.find((one) => one.id === id)!, AT_MS + later_ms)).toBe(late);
  });

  it('adds an item at the end, and changes an item in its place', () => {
    const added = withDraft(agenda, draft({ minutes: 15, speakers: 'Lê An; ; Trần Bình ' }), AT_MS);
    expect(added.map((one) => one.id)).toEqual(['c', 'd', '']);
    expect(added[2]).toEqual({ id: '', title: 'Mới', planned_at: AT_MS, planned_s: 900, speakers: ['Lê An', 'Trần Bình'], votes: [], closed: false });
    const changed = withDraft(agenda, draft({ id: 'c', closed: true }), null);
    expect(changed.map((one) => [one.id, one.title, one.votes, one.closed])).toEqual([
      ['c', 'Mới', ['v'], true],
      ['d', 'd', [], false],
    ]);
    expect(without(agenda, 'c').map((one) => one.id)).toEqual(['d']);
  });

  it('moves an item among those that have not begun', () => {
    expect([moved(agenda, 'c', 1), moved(agenda, 'c', -1), moved(agenda, 'd', -1), moved(agenda, 'b', 1)]).toEqual([
      ['d', 'c'],
      ['c', 'd'],
      ['d', 'c'],
      ['c', 'd'],
    ]);
  });
});
