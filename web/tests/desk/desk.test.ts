import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bookPath, drawnRows, entriesOf, filteredHalls, gapsOf, wallClock } from '../../src/desk/board/rows';
import { fromRule, once, ruleWords, toRule, weekOfMonth } from '../../src/desk/book/rule';
import { address } from '../../src/desk/data/client';
import { refusal } from '../../src/server/client';
import { grouped } from '../../src/desk/words/group';
import type { Board, BoardEntry, CallGap, CallLine } from '../../src/server/model';
import { begins, findListed, matches, namesIn, plain } from '../../src/desk/words/plain';
import { calledOffTexts } from '../../src/desk/words/notified';
import { dateStanding, hasHalls, withoutHalls } from '../../src/desk/words/states';
import { addDays, addMonths, clockOf, dayOf, instant, longSpan, mondayOf, nextStart, QUARTERS, rehearsalStart, shownDay, typedDay, weekday, weeksOf, wholeDays } from '../../src/desk/words/time';
import { t } from '../../src/i18n/desk.svelte';
import { speak } from '../../src/i18n/index.svelte';
import { parseRoute } from '../../src/browser/route';
import { parseGuide } from '../../tools/guides';

describe('time in Vietnam', () => {
  it('is seven hours ahead, whatever the browser thinks', () => {
    expect(instant('2026-12-01', '06:30').toISOString()).toBe('2026-11-30T23:30:00.000Z');
    expect(dayOf('2026-11-30T23:30:00Z')).toBe('2026-12-01');
    expect(clockOf('2026-11-30T17:00:00Z')).toBe('00:00');
    expect(longSpan('2026-11-30T01:00:00Z', '2026-11-30T03:30:00Z', 'vi')).toBe('Thứ Hai, 30/11/2026, 08:00 - 10:30');
  });

  it('shows the last day of what ends at midnight, and no days of what does not', () => {
    expect(wholeDays('2026-11-29T17:00:00Z', '2026-12-07T17:00:00Z')).toEqual({ from: '30/11/2026', to: '07/12/2026' });
    expect(wholeDays('2026-11-29T17:00:00+00:00', '2026-11-30T17:00:00+00:00')).toEqual({ from: '30/11/2026', to: '30/11/2026' });
    for (const [from, to] of [['2026-11-29T17:00:00Z', '2026-12-07T17:00:01Z'], ['2026-11-30T01:00:00Z', '2026-12-07T17:00:00Z'], ['2026-11-29T17:00:00Z', '2026-11-29T17:00:00Z']]) expect(wholeDays(from!, to!)).toBeNull();
  });

  it('counts days over months and weeks from Monday', () => {
    expect(addDays('2026-02-28', 1)).toBe('2026-03-01');
    expect(addDays('2028-02-28', 1)).toBe('2028-02-29');
    expect([weekday('2026-11-30'), weekday('2026-12-06')]).toEqual([1, 7]);
    expect(mondayOf('2026-12-06')).toBe('2026-11-30');
  });

  it.each([
    ['2026-11-25T01:10:00Z', '2026-11-25', '09:00'],
    ['2026-11-25T04:10:00Z', '2026-11-25', '13:30'],
    ['2026-11-25T10:00:00Z', '2026-11-26', '08:00'],
    ['2026-11-27T10:00:00Z', '2026-11-30', '08:00'],
    ['2026-11-28T03:00:00Z', '2026-11-30', '08:00'],
  ])('proposes a start after %s', (now, day, clock) => {
    expect(nextStart(new Date(now))).toEqual({ day, clock });
    expect(QUARTERS).toContain(clock);
  });

  it.each([
    ['an hour of yesterday that is ahead', '2026-11-25T01:10:00Z', '2026-11-27', '14:00', '2026-11-26', '14:00'],
    ['the Friday before a Monday', '2026-11-25T01:10:00Z', '2026-11-30', '08:00', '2026-11-27', '08:00'],
    ['today, if the hour is over', '2026-11-25T02:10:00Z', '2026-11-26', '08:00', '2026-11-25', '10:00'],
    ['the hour before the meeting, late in the day', '2026-11-25T09:40:00Z', '2026-11-26', '08:00', '2026-11-26', '07:00'],
  ])('proposes a rehearsal at %s', (_, now, day, clock, before, at) => {
    expect(rehearsalStart({ day, clock }, 60, new Date(now))).toEqual({ day: before, clock: at });
  });
});

describe('typing a day', () => {
  const today = '2026-11-25';
  it.each([
    ['30/11/2026', '2026-11-30'],
    ['5/3/2027', '2027-03-05'],
    ['5.3.27', '2027-03-05'],
    ['05-03-2027', '2027-03-05'],
    ['05 03 2027', '2027-03-05'],
    ['05032027', '2027-03-05'],
    ['050327', '2027-03-05'],
    ['2027-03-05', '2027-03-05'],
    ['30/11', '2026-11-30'],
    ['24/11', '2027-11-24'],
    ['29/2/2028', '2028-02-29'],
  ])('reads %s', (typed, day) => {
    expect(typedDay(typed, today)).toBe(day);
    expect(typedDay(shownDay(day), today)).toBe(day);
  });

  it.each(['', '30', '31/4/2026', '29/2/2027', '30/11/20', '301120', '1/13/2026', '0/1/2026', 'thứ hai', '30/11/20266', '2026-13-01', '1/1/1899'])('does not read %s', (typed) => {
    expect(typedDay(typed, today)).toBeNull();
  });

  it('lays a month out in weeks from Monday', () => {
    const weeks = weeksOf('2026-11-25');
    expect([weeks.length, weeks[0]![0], weeks.at(-1)![6]]).toEqual([6, '2026-10-26', '2026-12-06']);
    expect(weeksOf('2027-02-10').length).toBe(4);
    for (const week of weeks) expect(week.map(weekday)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect([addMonths('2026-12-31', 2), addMonths('2028-01-31', 1), addMonths('2026-01-15', -1)]).toEqual(['2027-02-28', '2028-02-29', '2025-12-15']);
  });
});

describe('searching', () => {
  it('ignores diacritics and đ', () => {
    expect(plain('  Đức  HÒA ')).toBe('duc hoa');
    expect(begins('Xã 12 (tầng 2)', 'xa 1 tang')).toBe(true);
    expect(begins('Thiết bị TN.07.H1 Xã 07', 'xa 1')).toBe(false);
    expect(matches('Sở Nội vụ tỉnh Tây Ninh', 'noi vu so')).toBe(true);
    expect(matches('Sở Nội vụ', 'y te')).toBe(false);
  });

  it('finds the units of a list from a letter', () => {
    expect(namesIn('1. UBND xã Tân An;\n2) Xã Tân An Đông,\n- Phường Long An.')).toEqual(['xã Tân An', 'Xã Tân An Đông', 'Phường Long An']);
    const units = ['Xã Tân An', 'Xã Tân An Đông', 'Phường Long An', 'Sở Y tế'];
    const own = (unit: string) => unit;
    expect(findListed(units, 'xa tan an, so y te, Xã Mỹ Lệ', own, own)).toEqual({ found: ['Xã Tân An', 'Sở Y tế'], missing: ['Xã Mỹ Lệ'] });
    expect(findListed(units, 'tan an', own, own).found).toEqual(['Xã Tân An', 'Xã Tân An Đông']);
    expect(findListed(units, ' , ', own, own)).toEqual({ found: [], missing: [] });
  });
});

describe('repeating', () => {
  const day = '2026-12-01';
  it.each([
    ['FREQ=DAILY;COUNT=5', 'day'],
    ['FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=20', 'workday'],
    ['FREQ=WEEKLY;BYDAY=TU,TH;COUNT=12', 'week'],
    ['FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20270228T165959Z', 'week'],
    ['FREQ=MONTHLY;BYMONTHDAY=1;COUNT=6', 'monthday'],
    ['FREQ=MONTHLY;BYDAY=1TU;COUNT=6', 'monthweek'],
    ['FREQ=YEARLY;COUNT=3', 'year'],
  ])('%s is read and written again', (rule, every) => {
    const repeat = fromRule(rule, day);
    expect(repeat.every).toBe(every);
    expect(toRule(repeat, day)).toBe(rule);
  });

  it.each(['FREQ=MONTHLY;BYSETPOS=-1;BYDAY=MO;COUNT=3', 'FREQ=HOURLY;COUNT=3', 'FREQ=DAILY', 'FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=2'])('%s is kept as it is', (rule) => {
    const repeat = fromRule(rule, day);
    expect(repeat.every).toBe('other');
    expect(toRule(repeat, day)).toBe(rule);
  });

  it('has words', () => {
    speak('vi');
    expect(ruleWords('FREQ=WEEKLY;BYDAY=TU,TH;COUNT=12', day, 'vi', t)).toBe('Hằng tuần vào T3, T5; 12 lần');
    expect(ruleWords('FREQ=WEEKLY;BYDAY=TU;COUNT=12', day, 'vi', t)).toBe('Hằng tuần vào thứ Ba; 12 lần');
    expect(ruleWords('FREQ=MONTHLY;BYDAY=-1MO;COUNT=2', '2026-11-30', 'vi', t)).toBe('Hằng tháng vào thứ Hai cuối cùng của tháng; 2 lần');
    expect(ruleWords('', day, 'vi', t)).toBe('Một lần');
  });

  it('once is once, and a fifth weekday is the last one', () => {
    expect(toRule(once(day), day)).toBe('');
    expect([weekOfMonth('2026-12-01'), weekOfMonth('2026-12-31')]).toEqual([1, -1]);
  });
});

describe('the board', () => {
  const entry = (from: string, to: string, more: Partial<BoardEntry> = {}): BoardEntry => ({
    occurrence_id: from, meeting_id: 'm', hall_id: 'h', title: 'Giao ban', class: 'ordinary', state: 'planned', meeting_state: 'approved',
    starts_at: instant('2026-12-01', from).toISOString(), ends_at: instant('2026-12-01', to).toISOString(),
    reserved_from: instant('2026-12-01', from).toISOString(), reserved_to: instant('2026-12-01', to).toISOString(), host_unit_name: '', mine: false, hold: '', objects: '', objection: '', rehearsal_at: null, ...more,
  });
  const board: Board = {
    starts_at: '', ends_at: '', off: {}, closed: [], opens_min: 420, closes_min: 1080,
    halls: [{ id: 'h', name: 'Hội trường lớn', site_id: 's', site_name: 'UBND tỉnh', unit_id: 'u', unit_name: '', seats: 300, bookable: true }],
    entries: [entry('14:00', '16:00'), entry('08:00', '10:00'), entry('10:00', '11:00', { state: 'cancelled' })],
  };

  it('lists what stands, in the order of time', () => {
    expect(entriesOf(board, 'h', '2026-12-01').map((one) => clockOf(one.starts_at))).toEqual(['08:00', '14:00']);
    expect(entriesOf(board, 'h', '2026-12-02')).toEqual([]);
  });

  it('offers the gaps between, none shorter than half an hour', () => {
    const gaps = gapsOf(entriesOf(board, 'h', '2026-12-01'), '2026-12-01');
    expect(gaps).toEqual([{ from: '07:00', to: '08:00' }, { from: '10:00', to: '14:00' }, { from: '16:00', to: '18:00' }]);
    expect(gapsOf([entry('07:15', '18:00')], '2026-12-01')).toEqual([]);
    expect(gapsOf([], '2026-12-01')).toEqual([{ from: '07:00', to: '18:00' }]);
  });

  it('draws the rows in view and eight beyond, and the rest as empty height', () => {
    const rows = Array.from({ length: 240 }, () => 50);
    expect(drawnRows(rows, 0, 500)).toEqual({ from: 0, to: 18, above: 0, below: 222 * 50 });
    expect(drawnRows(rows, 5_000, 500)).toEqual({ from: 92, to: 118, above: 92 * 50, below: 122 * 50 });
    expect(drawnRows(rows, 11_500, 500)).toEqual({ from: 222, to: 240, above: 222 * 50, below: 0 });
    expect(drawnRows(rows, 99_999, 500).to).toBe(240);
    expect(drawnRows([50, 150, 50], 0, 100)).toEqual({ from: 0, to: 3, above: 0, below: 0 });
    expect(drawnRows([], 0, 500)).toEqual({ from: 0, to: 0, above: 0, below: 0 });
  });

  it('draws anew only when fewer than two rows are left beyond', () => {
    const rows = Array.from({ length: 240 }, () => 50);
    const before = drawnRows(rows, 0, 500);
    expect(drawnRows(rows, 300, 500, before).to).toBe(18);
    expect(drawnRows(rows, 301, 500, before).to).toBe(25);
    const middle = drawnRows(rows, 5_000, 500);
    expect(drawnRows(rows, 4_700, 500, middle).from).toBe(92);
    expect(drawnRows(rows, 4_650, 500, middle).from).toBe(85);
    expect(drawnRows(rows.slice(0, 20), 500, 500, before)).toMatchObject({ from: 2, to: 20 });
  });

  it('filters by words and level', () => {
    const tier = (unit: string) => (unit === 'u' ? 1 : null);
    expect(filteredHalls(board, 'hoi truong', tier, '1')).toHaveLength(1);
    expect(filteredHalls(board, 'hoi truong', tier, '3')).toHaveLength(0);
    expect(filteredHalls(board, 'y te', tier, '')).toHaveLength(0);
  });

  it('speaks the clock of Vietnam to the picture and to the form', () => {
    expect(wallClock('2026-11-30T23:30:00Z')).toBe('2026-12-01T06:30:00');
    const place = parseRoute(new URL(bookPath({ id: 'h', name: 'Hội trường lớn' }, instant('2026-12-01', '08:00'), 90), 'https://hop.vn'));
    expect(place.page === 'desk' && Object.fromEntries(place.place.query)).toEqual({ hall: 'h', name: 'Hội trường lớn', at: '2026-12-01T01:00:00.000Z', min: '90' });
  });

  it('says a planned date as its meeting stands', () => {
    expect(dateStanding('planned', 'asked').text).toBe('state.asked');
    expect(dateStanding('running', 'approved').text).toBe('state.running');
  });
});

describe('asking the server', () => {
  it('leaves out what is empty', () => {
    expect(address('/units', { q: 'sở', tier: null, limit: 5, state: '' })).toBe('/api/v1/units?q=s%E1%BB%9F&limit=5');
  });

  it('reads problems in the language of the page', () => {
    const body = { code: 'clash', vi: 'Trùng lịch.', en: 'a clash', troubles: [{ code: 'hall', vi: 'Bận', en: 'busy', where: '', detail: {} }] };
    speak('en');
    expect(refusal(409, body)).toMatchObject({ status: 409, code: 'clash', message: 'a clash' });
    speak('vi');
    expect(refusal(409, body).troubles[0]?.vi).toBe('Bận');
    expect(refusal(500, null)).toMatchObject({ code: 'http-500', message: expect.stringContaining('500') as string });
  });

  it('groups in the order of coming', () => {
    expect(grouped([3, 1, 4, 1, 5], (n) => n % 2)).toEqual([[1, [3, 1, 1, 5]], [0, [4]]]);
  });
});

describe('addresses of the desk', () => {
  const place = (path: string) => {
    const route = parseRoute(new URL(path, 'https://hop.example.vn'));
    return route.page === 'desk' ? route.place : null;
  };

  it('knows its pages, short ones too', () => {
    expect(place('/meetings/17?new=booked')).toMatchObject({ desk: 'meetings', parts: ['17'] });
    expect(place('/moi#abcdefghijklmnopqrst')).toMatchObject({ desk: 'answer', secret: 'abcdefghijklmnopqrst' });
    expect(place('/duyet#abc')).toMatchObject({ desk: 'approvals' });
    expect(place('/hop/17')).toMatchObject({ desk: 'meetings', parts: ['17'] });
    expect(place('/sign-in#link=secretsecretsecret')).toMatchObject({ desk: 'sign-in', secret: 'secretsecretsecret' });
    expect(place('/meetings/%E0%A4%A')).toMatchObject({ parts: ['%E0%A4%A'] });
    expect(place('/my/a/b/c/d')).toBeNull();
    expect(place('/mys')).toBeNull();
  });
});

describe('guides', () => {
  const folder = join(import.meta.dirname, '../../guides');

  it('name only what stands on a screen', () => {
    const names = readdirSync(folder).filter((name) => name.endsWith('.md'));
    expect(names).toHaveLength(6);
    for (const name of names) expect(parseGuide(readFileSync(join(folder, name), 'utf8'), name).length).toBeGreaterThan(5);
  });

  it('fail the build on a renamed button', () => {
    expect(() => parseGuide('1. Bấm {t:book.gone}.', 'thu-ky.md')).toThrow('thu-ky.md:1: no text has the key book.gone');
  });

  it('are blocks of words, labels and what stands out', () => {
    expect(parseGuide('# Một\n\n1. Bấm {t:book.do}.\n2. **Xong**', 'x.md')).toEqual([
      { kind: 'h1', parts: [{ text: 'Một' }] },
      { kind: 'ol', items: [[{ text: 'Bấm ' }, { key: 'book.do' }, { text: '.' }], [{ strong: 'Xong' }]] },
    ]);
  });
});

describe('halls of a meeting', () => {
  const bare = { hall_ids: [], terminal_ids: [], host_unit_id: 'office', attendees: [{ unit_id: 'commune', person_id: 'chair' }, { unit_id: 'office', person_id: null }] };

  it('are there when booked or invited with a unit', () => {
    expect(hasHalls(bare)).toBe(false);
    expect(hasHalls({ ...bare, hall_ids: ['a'] })).toBe(true);
    expect(hasHalls({ ...bare, terminal_ids: ['a'] })).toBe(true);
    expect(hasHalls({ ...bare, attendees: [{ unit_id: 'commune', person_id: null }] })).toBe(true);
  });
});

describe('a meeting without halls', () => {
  const line: CallLine = { terminal_id: 't', terminal_name: '', hall_name: '', site_id: 's', site_name: '', unit_id: null, unit_name: '', why: 'added', out: false, called: true, closed: true, taken: null, waits: false };
  const unit: CallGap = { why: 'unit', id: 'u', name: 'Xã 13', reason: 'no_terminal' };

  it('marks no unit, and marks all where a hall is called, booked or to be chosen', () => {
    expect(withoutHalls([], [unit], 'ordinary')).toBe(true);
    expect(withoutHalls([line], [unit], 'ordinary')).toBe(false);
    expect(withoutHalls([], [unit, { ...unit, why: 'hall' }], 'ordinary')).toBe(false);
    expect(withoutHalls([], [unit, { ...unit, reason: 'many_halls' }], 'ordinary')).toBe(false);
    expect(withoutHalls([], [unit], 'important')).toBe(false);
  });
});

describe('who is told of a meeting that is called off', () => {
  const said = (what: 'cancel' | 'later' | 'now', mails: boolean) => calledOffTexts(what, mails).map((key) => t(key)).join(' ');

  it('is everybody invited where the server has mail', () => {
    speak('vi');
    expect(said('cancel', true)).toContain('nhận thông báo hủy');
    expect(said('later', true)).toContain('nhận thông báo hoãn ngay');
    expect(said('now', true)).toContain('chỉ nhận thông báo sau khi duyệt');
  });

  it('is nobody where it has none, and the secretary tells them', () => {
    for (const what of ['cancel', 'later', 'now'] as const) {
      expect(said(what, false)).toContain('hãy tự báo cho thành phần dự họp');
      expect(said(what, false)).not.toContain('nhận thông báo');
    }
  });

  it('is nobody where nobody was invited or the meeting has no number yet', () => {
    expect(calledOffTexts('cancel', true, false)).toEqual(['off.free']);
    expect(calledOffTexts('now', false, false)).toEqual(['off.newTimeUntold']);
  });
});
