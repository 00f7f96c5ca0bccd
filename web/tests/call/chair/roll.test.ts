import { describe, expect, it } from 'vitest';
import { chosen, delegatesOf, left_s, markOf, namesOf, readyOf, rowsOf, signalsOf, toCall, toPhone } from '../../../src/call/chair/roll/roll';

const DESK = {
  roll_sites: {
    xa: { o: 1, n: 'Xã Ba Bể', u: 'Ba Bể', c: 1 as const, t: '02093', p: 'absent' as const, w: 'Mất điện', g: '00-' },
    tinh: { o: 0, n: 'Điểm cầu tỉnh', i: 'a.1.x', p: 'present' as const, g: '11g' },
    cho: { o: 2, n: 'Chợ Đồn', g: '10f', e: 'fault' as const },
  },
  reported: { 'a.1.x': { d: 7, h: 'Trần Thị Bình' } },
};

describe('the roll call', () => {
  it('lists the sites in their order, with the report of the participant', () => {
    const rows = rowsOf(DESK);
    expect(rows.map((row) => row.id)).toEqual(['tinh', 'xa', 'cho']);
    expect(rows.map((row) => row.why)).toEqual(['', 'Mất điện', '']);
    expect(rows[0]?.report).toEqual({ d: 7, h: 'Trần Thị Bình' });
    expect(readyOf(rows)).toEqual({ connected: 2, heard: 1, seen: 1, reported: 1 });
    expect([toCall(rows), toPhone(rows)].map((found) => found.map((row) => row.id))).toEqual([['xa'], ['xa']]);
  });

  it('finds sites by mark, name, unit and head, without diacritics', () => {
    const rows = rowsOf(DESK);
    const ids = (...wanted: [Parameters<typeof chosen>[1], string]) => chosen(rows, ...wanted).map((row) => row.id);
    expect(ids('all', 'cho don')).toEqual(['cho']);
    expect(ids('all', 'tran thi')).toEqual(['tinh']);
    expect(ids('unmarked', '')).toEqual(['cho']);
    expect(ids('present', 'ba be')).toEqual([]);
  });

  it('reads signals, keys, numbers and names', () => {
    expect(signalsOf('10b')).toEqual({ connected: true, heard: false, picture: 'black' });
    const key = (name: string, ctrlKey = false) => markOf({ key: name, ctrlKey, metaKey: false, altKey: false });
    expect([key('1'), key('2'), key('3'), key('4'), key('1', true)]).toEqual(['present', 'absent', 'fault', null, null]);
    expect([delegatesOf(' 12 ', 2000), delegatesOf('2001', 2000), delegatesOf('-1', 2000), delegatesOf('', 2000)]).toEqual([12, null, null, null]);
    expect(namesOf(' A\n\nB, C')).toEqual(['A', 'B', 'C']);
    expect([left_s(1000, 1000), left_s(1000, 10_900), left_s(1000, 99_000), left_s(undefined, 5)]).toEqual([10, 1, 0, 0]);
  });

  it('filters 240 sites in a moment', () => {
    const roll_sites = Object.fromEntries(Array.from({ length: 240 }, (_, at) => [`s${at}`, { o: at, n: `Xã ${at}`, g: '11g' }]));
    expect(chosen(rowsOf({ roll_sites }), 'unmarked', 'xa 23').map((row) => row.place)).toEqual([24, ...Array.from({ length: 10 }, (_, at) => 231 + at)]);
  });
});
