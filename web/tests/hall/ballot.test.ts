import { describe, expect, it } from 'vitest';
import { back, BLANK, digit, left, mark, paperOf, type Paper, type Sheet } from '../../src/hall/ballot';
import type { Own, Vote } from '../../src/call/chair/votes/votes';

const own = (present: number): Own => ({ vote: 'v', voted: false, present, choices: null, counts: null, cards: 0, taken: 0, code: '' });
const vote = (more: Partial<Vote>) => ({ id: 'v', kind: 'motion', way: 'named', options: ['for', 'against', 'abstain'], seats: 1, ...more }) as Vote;
const MOTION = paperOf(vote({}), own(1));
const LIST: Paper = { kind: 'list', options: 12, seats: 2, present: 1 };
const HALL = paperOf(vote({ way: 'hands' }), own(35));
/** Press digits from a blank sheet. A digit that belongs to the call changes nothing. */
const typed = (paper: Paper, text: string, from: Sheet = BLANK) => [...text].reduce((sheet, one) => digit(sheet, paper, Number(one)) ?? sheet, from);

describe('the ballot of a hall', () => {
  it('is a motion, a list or numbers of hands', () => {
    expect([MOTION.kind, HALL.kind, paperOf(vote({ way: 'hands' }), own(1)).kind]).toEqual(['motion', 'hands', 'motion']);
    expect(paperOf(vote({ kind: 'election', options: ['An', 'Bình'], seats: 2 }), own(1))).toEqual({ kind: 'list', options: 2, seats: 2, present: 1 });
  });

  it('takes 1 to 3 for a motion, and leaves the other digits to the call', () => {
    expect([1, 2, 3].map((one) => typed(MOTION, String(one)))).toEqual([0, 1, 2].map((one) => ({ ...BLANK, step: 'sure', marks: [one] })));
    expect([0, 4, 5, 6, 8, 9].map((one) => digit(BLANK, MOTION, one))).toEqual([null, null, null, null, null, null]);
  });

  it('keeps the choice until "back", which forgets it', () => {
    const sure = typed(MOTION, '1');
    expect(typed(MOTION, '23', sure)).toEqual(sure);
    expect(back(sure, MOTION)).toEqual(BLANK);
    expect(back(BLANK, MOTION)).toBeNull();
  });

  it('marks at most the seats of a list, and 0 goes on', () => {
    expect(typed(LIST, '139').marks).toEqual([0, 2]);
    expect(typed(LIST, '11').marks).toEqual([]);
    expect(mark(typed(LIST, '1'), LIST, 11).marks).toEqual([0, 11]);
    expect(typed({ ...LIST, options: 2 }, '3')).toEqual(BLANK);
    const sure = typed(LIST, '120');
    expect([sure.step, typed(LIST, '3', sure).marks, back(sure, LIST)]).toEqual(['sure', [0, 1], { ...sure, step: 'choose' }]);
  });

  it('never takes more hands than delegates', () => {
    const yes = typed(HALL, '36');
    expect([yes.counts, left(yes.counts, HALL)]).toEqual([[3, 0, 0], 32]);
    const both = typed(HALL, '339', { ...typed(HALL, '20'), field: 1 });
    expect([both.counts, left(both.counts, HALL)]).toEqual([[20, 3, 0], 12]);
    expect(typed({ ...HALL, present: 0 }, '1')).toEqual(BLANK);
  });

  it('deletes a digit of the chosen field, and is put away when the field is empty', () => {
    const once = back(typed(HALL, '25'), HALL)!;
    expect([once.counts, back(once, HALL)!.counts, back(BLANK, HALL)]).toEqual([[2, 0, 0], [0, 0, 0], null]);
  });
});
