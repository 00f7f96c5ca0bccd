import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inColumn, shownIn } from '../../src/desk/chairing/columns';
import { bearersOf, stateOf } from '../../src/desk/chairing/invited';
import { sectionsOf } from '../../src/desk/chairing/notes';
import { familyOf, isOf, lasting, markOf, resultOf, rolledOf, titleOf, totalsOf } from '../../src/desk/record/lines';
import { deskEn } from '../../src/i18n/desk-en';
import { deskVi } from '../../src/i18n/desk-vi';
import type { Attended, InvitedPerson, Note, TimelineLine } from '../../src/server/model';

const line = (kind: string, reason = ''): TimelineLine => ({ at: '2026-03-02T01:00:00Z', kind, by_name: '', for_chair: false, way: '', on_id: '', on_name: '', detail: reason === '' ? {} : { reason } });
/** The names of roles stand in the same file as those of acts. */
const ROLES = new Set(['chair', 'co_chair', 'secretary', 'operator', 'delegate', 'hall', 'observer', 'guest']);
const invited = (more: Partial<InvitedPerson>): InvitedPerson => ({ attendee_id: 'a', name: 'An', unit: '', role: 'delegate', answer: 'none', phone: '', bearers: ['a'], came_at: null, left_at: null, ...more });
const note = (id: string, item: string): Note => ({ id, item, at: '2026-03-02T01:00:00Z', changed_at: '2026-03-02T01:00:00Z', version: 1, by_name: '', text: id });

test('an identity names who comes, and a hall names itself', () => {
  expect([...bearersOf(['browser.a.1', 'personal_link.b.2', 'hall_terminal.t1'])]).toEqual(['a', 'b', 'hall_terminal.t1']);
});

test('an invited unit is here when its hall or its person is here', () => {
  const unit = invited({ bearers: ['a', 'hall_terminal.t1'] });
  expect(stateOf(unit, bearersOf(['hall_terminal.t1']), new Set())).toBe('here');
  expect(stateOf(unit, bearersOf(['browser.a.9']), new Set())).toBe('here');
  expect(stateOf(unit, new Set(['b']), new Set())).toBe('absent');
  expect(stateOf(unit, new Set(), new Set(['a']))).toBe('left');
  expect(stateOf(invited({ came_at: '2026-03-02T01:00:00Z' }), new Set(), new Set())).toBe('left');
  expect(stateOf(invited({ answer: 'declined' }), new Set(), new Set())).toBe('declined');
});

test('a column shows its chosen part, and otherwise its first part', () => {
  const parts = [
    { name: 'floor', column: 'left' },
    { name: 'notes', column: 'middle' },
    { name: 'rules', column: 'middle' },
  ] as const;
  expect(inColumn(parts, 'middle').map((one) => one.name)).toEqual(['notes', 'rules']);
  expect(shownIn(parts, 'middle', 'rules')?.name).toBe('rules');
  expect(shownIn(parts, 'middle', 'floor')?.name).toBe('notes');
  expect(shownIn(parts, 'right', 'floor')).toBeUndefined();
});

test('notes stand under the item of the agenda, in the order of their beginning', () => {
  const found = sectionsOf([note('1', 'B'), note('2', ''), note('3', 'B')]);
  expect(found.map((one) => [one.item, one.notes.map((own) => own.id)])).toEqual([
    ['B', ['1', '3']],
    ['', ['2']],
  ]);
});

test('a lost connection is a trouble, and a departure is not', () => {
  expect(isOf(line('left', 'media_failure'), 'troubles')).toBe(true);
  expect(isOf(line('left', 'client_initiated'), 'troubles')).toBe(false);
  expect(isOf(line('call_failed'), 'troubles')).toBe(true);
  expect(isOf(line('call_speaker'), 'floor')).toBe(true);
  expect(isOf(line('came'), 'floor')).toBe(false);
  expect(isOf(line('vote_open'), 'all')).toBe(true);
});

test('kinds of one machine share a text', () => {
  expect(['agenda.next', 'vote_open', 'roll_call.reported', 'mute_all'].map(familyOf)).toEqual(['agenda', 'vote', 'roll_call', 'mute_all']);
});

test('a line of the roll call tells the mark, the mark before and the reason', () => {
  const detail = { site: 'xa', presence: 'present', before: 'absent', why: 'Có điện lại', snapshot: '' };
  expect(markOf({ ...line('roll_call.corrected'), detail })).toEqual({ mark: 'present', before: 'absent', why: 'Có điện lại' });
  expect(markOf(line('roll_call.began'))).toBeNull();
});

test('the closing of a vote and the end of a roll call tell their results', () => {
  const result = { entitled: 7, present: 6, cast: 6, counts: [4, 1, 1], quorum: true, adopted: true, elected: [], tied: [] };
  const closed = { ...line('vote_closed'), detail: { vote: 'v', title: 'Nghị quyết', kind: 'motion', elected: [], result } };
  expect(titleOf(closed)).toBe('Nghị quyết');
  expect(resultOf(closed)).toEqual({ adopted: true, quorum: true, present: 6, entitled: 7, counts: [4, 1, 1], elected: null });
  const election = { ...closed, detail: { ...closed.detail, kind: 'election', elected: ['Chị Lan'], result: { ...result, counts: [3, 2, 1], elected: [0] } } };
  expect(resultOf(election)).toMatchObject({ counts: null, elected: ['Chị Lan'] });
  const secret = { ...closed, detail: { ...closed.detail, result: { ...result, counts: [] } } };
  expect(resultOf(secret)?.counts).toBeNull();
  expect([resultOf(line('vote_closed')), titleOf(line('vote_closed'))], 'destroyed by a stop').toEqual([null, '']);
  expect(rolledOf({ ...line('roll_call.ended'), detail: { sites: 5, present: 4, delegates: 31 } })).toEqual({ n: 4, all: 5, delegates: 31 });
  expect(rolledOf(line('roll_call.ended'))).toBeNull();
});

/** Return the names that match in a source of the server. */
function namesIn(path: string, pattern: RegExp): string[] {
  const found = [...readFileSync(join(__dirname, '../../..', path), 'utf8').matchAll(pattern)].map((match) => match[1]!);
  expect(found.length, path).toBeGreaterThan(0);
  return [...new Set(found)];
}

test('all that the server records has a text in both languages', () => {
  const chair = 'conference/chair';
  const kinds = [
    ...namesIn(`${chair}/course/breaks.py`, /Noted\(\s*"([a-z_.]+)"/g),
    ...namesIn(`${chair}/course/rollcall.py`, /"(roll_call\.[a-z_]+)"/g),
    ...namesIn(`${chair}/course/views.py`, /by, "([a-z_]+)"/g),
    ...namesIn(`${chair}/agenda.py`, /_noted\(\s*"([a-z_.]+)"/g),
    ...namesIn(`${chair}/voting/votes.py`, /_noted\(\s*"([a-z_.]+)"/g),
    ...namesIn(`${chair}/voting/votes.py`, /"(ballot_[a-z]+)"/g),
    ...namesIn('signaling/meetings/sitting.py', /Record\("([a-z_]+)"/g),
    ...namesIn('rooms/proceedings/timeline.py', /"(call_[a-z]+|site_phoned)"/g),
    // The acts of the table of rights, after the roles. Notes and chat are not in the record.
    ...namesIn(`${chair}/rights.py`, /^    [A-Z_]+ = "([a-z_]+)"/gm).filter((one) => !ROLES.has(one) && one !== 'note' && one !== 'chat'),
  ];
  const without = (texts: object) => kinds.filter((kind) => !(`record.${familyOf(kind)}` in texts));
  expect(kinds).toContain('closed_session.sent_out');
  expect(kinds).toContain('hands_entered');
  expect([without(deskVi), without(deskEn)]).toEqual([[], []]);
});

test('sending people out and letting them in is about who came and left', () => {
  for (const kind of ['closed_session.sent_out', 'closed_session.let_in', 'lobby.sent_back', 'lobby.readmitted']) expect(isOf(line(kind), 'people'), kind).toBe(true);
});

test('times and totals', () => {
  expect([lasting(71.6), lasting(3600)]).toEqual(['1:12', '1:00:00']);
  const row = (turns: number, spoken_s: number): Attended => ({ identity: 'a', name: 'An', came_at: '', left_at: null, stays: 1, present_s: 1, turns, spoken_s, delegation: '' });
  expect(totalsOf([row(1, 60), row(2, 30)])).toEqual({ people: 2, turns: 3, spoken_s: 90 });
});
