import { describe, expect, it } from 'vitest';
import { LAYOUTS } from '../../src/desk/legs/layouts';
import { Places, awaited, count, isPoor, legStanding, openAlarms, passes, percent, placeOf, queue, rate, severity, shown, shownLines, titleOf, worstLoss } from '../../src/desk/legs/legs';
import type { CallLine, Leg } from '../../src/server/model';

function leg(id: string, more: Partial<Leg> = {}): Leg {
  return {
    leg_id: id, terminal_id: id, terminal: 'Polycom', hall: '', site: `Điểm cầu ${id}`, site_id: `s-${id}`, unit: 'UBND xã', unit_path: '/a', protocol: 'sip', address: `sip:${id}@10.1.1.1`,
    state: 'idle', reason: NONE, attempts: 0, next_try_at: null, since: '2026-01-01T00:00:00Z', secure: true, audio: null, video: null, content: false, floor_wanted_at: null,
    camera: false, presets: {}, on_stage: false, layout: '1+5', text: '', lecture: false, readiness: { state: 'unknown', at: null, reason: NONE }, thumbnail_url: '', unprotected: false, simpler: false, taken_off: false, waits: false, alarms: [], ...more,
  };
}
const NONE = { code: '', vi: '', en: '' };
const audio = (more: object = {}) => ({ codec: 'G.722', up_bps: 64000, down_bps: 64000, loss_up: 0, loss_down: 0, rtt_ms: 20, jitter_ms: 2, muted: false, deafened: false, ...more });
const alarm = (by = '') => ({ id: 'a1', code: 'silent', text: { code: 'silent', vi: 'Im', en: 'Silent' }, at: '2026-01-01T00:00:00Z', acknowledged_by: by, acknowledged_at: null });

describe('the operators board', () => {
  it('keeps rows in their places for five seconds, new rows first', () => {
    const places = new Places();
    const [a, b, c] = [leg('a'), leg('b'), leg('c')];
    expect(places.settle([a, b], 'all', 0)).toEqual([a, b]);
    const worse = { ...b, state: 'failed' as const };
    expect(places.settle([worse, a, c], 'all', 4000)).toEqual([c, a, worse]);
    expect(places.settle([worse, a, c], 'trouble', 4100)).toEqual([worse, a, c]);
    expect(places.settle([a, worse, c], 'trouble', 9200)).toEqual([a, worse, c]);
  });

  it('puts what needs somebody first, equals by unit and name', () => {
    const legs = [
      leg('ok', { state: 'connected', audio: audio() }), leg('up', { state: 'given_up' }), leg('poor', { state: 'connected', audio: audio({ loss_up: 0.05 }) }),
      leg('alarm', { state: 'connected', alarms: [alarm()] }), leg('known', { state: 'connected', alarms: [alarm('an')] }), leg('fail', { state: 'failed' }),
      leg('call', { state: 'ringing' }), leg('idle'), leg('red', { readiness: { state: 'red', at: null, reason: NONE } }),
    ];
    expect(shown(legs, 'all', '', 'worst').map((one) => one.leg_id)).toEqual(['up', 'fail', 'alarm', 'poor', 'red', 'call', 'idle', 'known', 'ok']);
    expect(shown(legs, 'trouble', '', 'worst').map((one) => one.leg_id)).toEqual(['up', 'fail', 'alarm', 'poor']);
    const tree = [leg('b', { unit_path: '/b' }), leg('z'), leg('đ'), leg('a')];
    expect(shown(tree, 'all', '', 'tree').map((one) => one.leg_id)).toEqual(['a', 'đ', 'z', 'b']);
  });

  it('leaves the rows that were handed in as they are', () => {
    const legs = [leg('b', { state: 'connected' }), leg('a', { state: 'failed' })];
    shown(legs, 'all', '', 'worst');
    expect(legs.map((one) => one.leg_id)).toEqual(['b', 'a']);
  });

  it('finds without diacritics, by site, unit, terminal and address', () => {
    const legs = [leg('Đức Huệ'), leg('Cần Giuộc', { address: 'sip:9@10.2.2.2' })];
    expect(shown(legs, 'all', 'duc hue', 'tree')).toHaveLength(1);
    expect(shown(legs, 'all', '10.2.2', 'tree').map((one) => one.leg_id)).toEqual(['Cần Giuộc']);
    expect(shown(legs, 'all', 'không có', 'tree')).toEqual([]);
  });

  it('names the hall before its site, and finds halls that are not called yet', () => {
    const [one, other, bare] = [leg('a', { hall: 'Hội trường lớn', site: 'Điểm cầu UBND xã', terminal: 'Máy 1' }), leg('b', { hall: 'Phòng họp A', site: 'Điểm cầu 2' }), leg('c')];
    expect([titleOf(one), placeOf(one)]).toEqual(['Hội trường lớn', 'Điểm cầu UBND xã · Máy 1']);
    expect(placeOf(other)).toBe('Điểm cầu 2 · UBND xã · Polycom');
    expect([titleOf(bare), placeOf(bare)]).toEqual(['Điểm cầu c', 'UBND xã · Polycom']);
    expect(shown([one, other, bare], 'all', 'phong hop a', 'tree')).toEqual([other]);
    const line = { terminal_id: 't', terminal_name: 'Thiết bị 3', hall_name: 'Hội trường Xã 07', site_id: 's', site_name: 'Điểm cầu', unit_id: null, unit_name: '', why: 'hall' as const, out: false, called: true, closed: true, taken: null, waits: false };
    expect(shownLines([line], 'all', 'xa 07')).toEqual([line]);
    expect(shownLines([line], 'waiting', '')).toEqual([line]);
    expect([...shownLines([line], 'connected', ''), ...shownLines([line], 'all', 'xã 08')]).toEqual([]);
  });

  it('counts each leg where it belongs', () => {
    const legs = [leg('a', { state: 'connected', floor_wanted_at: '2026-01-01T00:00:02Z' }), leg('b', { state: 'probing' }), leg('c', { state: 'left' }), leg('d', { state: 'failed' })];
    expect(count(legs, [])).toEqual({ all: 4, connected: 1, under_way: 1, trouble: 1, waiting: 1, hand: 1 });
    expect(count([], [{} as CallLine])).toMatchObject({ all: 1, waiting: 1 });
    for (const one of legs) expect(['connected', 'under_way', 'trouble', 'waiting'].filter((name) => passes(one, name as never))).toHaveLength(1);
  });

  it('tells how those who are not in were found before the start', () => {
    const found = (state: Leg['readiness']['state']) => ({ state, at: null, reason: NONE });
    const legs = [leg('in', { state: 'connected', readiness: found('red') }), leg('a', { readiness: found('green') }), leg('b', { readiness: found('red') }), leg('c')];
    expect(Object.fromEntries(Object.entries(awaited(legs)).map(([state, those]) => [state, those.map((one) => one.leg_id)]))).toEqual({ red: ['b'], amber: [], green: ['a'], unknown: ['c'] });
  });

  it('queues the floor in the order of asking', () => {
    const legs = [leg('late', { floor_wanted_at: '2026-01-01T00:00:09Z' }), leg('never'), leg('first', { floor_wanted_at: '2026-01-01T00:00:01Z' })];
    expect(queue(legs).map((one) => one.leg_id)).toEqual(['first', 'late']);
  });

  it('calls a line poor from 3 % of loss or 400 ms on, connected ones only', () => {
    expect(isPoor(leg('a', { state: 'connected', audio: audio({ loss_down: 0.0299 }) }))).toBe(false);
    expect(isPoor(leg('a', { state: 'connected', audio: audio({ loss_down: 0.03 }) }))).toBe(true);
    expect(isPoor(leg('a', { state: 'connected', audio: audio({ rtt_ms: 400 }) }))).toBe(true);
    expect(isPoor(leg('a', { state: 'left', audio: audio({ loss_down: 0.5 }) }))).toBe(false);
    expect(worstLoss(leg('a', { audio: audio({ loss_up: null, loss_down: null }) }))).toBe(0);
    expect(openAlarms(leg('a', { alarms: [alarm(), alarm('an')] }))).toHaveLength(1);
  });

  it('shows an unknown state as not called and never fails', () => {
    expect(legStanding('dancing' as never).text).toBe('leg.idle');
    expect(severity(leg('a'))).toBe(1);
    expect(severity(leg('a', { readiness: { state: 'amber', at: null, reason: NONE } }))).toBe(2);
  });

  it('writes rates and parts as people do', () => {
    expect([rate(null, ','), rate(64_000, ','), rate(1_940_000, ','), rate(1_940_000, '.')]).toEqual(['–', '64 kbit/s', '1,9 Mbit/s', '1.9 Mbit/s']);
    expect(rate(2_000_000, ',')).toBe('2,0 Mbit/s');
    expect([percent(null, ','), percent(0, ','), percent(0.004, ','), percent(0.25, ',')]).toEqual(['–', '0 %', '0,4 %', '25 %']);
  });

  it('draws every layout within its frame', () => {
    const cells: Record<string, number> = { '1': 1, '1+5': 6, '1+7': 8, '2x2': 4, '3x3': 9, '4x4': 16, lecture: 5, auto: 3 };
    expect(Object.fromEntries(Object.entries(LAYOUTS).map(([name, layout]) => [name, layout.cells.length]))).toEqual(cells);
    for (const { cells: drawn } of Object.values(LAYOUTS)) for (const [x, y, width, height] of drawn) expect(x >= 0 && y >= 0 && x + width <= 1.0001 && y + height <= 1.0001).toBe(true);
  });
});
