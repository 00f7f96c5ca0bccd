import { describe, expect, it } from 'vitest';
import { countedOf, draftOf, emptyDraft, expectedOf, fieldsOf, isReady, marked, outcomeOf, percentText, SHARES, votersOf, votesOf, type Result, type VoteRow } from '../../src/call/chair/votes/votes';

const MOTION: VoteRow = {
  place: 1,
  title: 'Thông qua Nghị quyết',
  kind: 'motion',
  way: 'hands',
  options: ['for', 'against', 'abstain'],
  seats: 1,
  base: 'entitled',
  needs: SHARES.half,
  quorum: SHARES.half,
  state: 'open',
  entitled: 12,
  present: 10,
  quorum_reached: true,
  cast: 3,
};
const ELECTION: VoteRow = { ...MOTION, place: 0, kind: 'election', way: 'secret', options: ['An', 'Bình', 'Chi'], seats: 2 };
const RESULT: Result = { entitled: 12, present: 10, cast: 10, valid: 10, base: 12, counts: [7, 2, 1], quorum: true, adopted: true, elected: [], tied: [], receipts: [], digest: '' };

describe('votes of the document', () => {
  it('stand in the order of the server', () => {
    expect(votesOf({ b: MOTION, a: ELECTION }).map((one) => one.id)).toEqual(['a', 'b']);
    expect(votesOf(undefined)).toEqual([]);
  });
});

describe('the form', () => {
  it('needs a title, and as many candidates as seats', () => {
    const draft = { ...emptyDraft(), title: ' Nghị quyết ' };
    expect(isReady(emptyDraft())).toBe(false);
    expect(isReady(draft)).toBe(true);
    expect(isReady({ ...draft, kind: 'election', candidates: 'An\n \nBình', seats: 3 })).toBe(false);
    expect(isReady({ ...draft, kind: 'election', candidates: 'An\n \nBình', seats: 2 })).toBe(true);
  });

  it('asks the server for the usual rule without a press', () => {
    expect(fieldsOf({ ...emptyDraft(), title: ' Nghị quyết ' })).toEqual({
      title: 'Nghị quyết', text: '', kind: 'motion', way: 'hands', options: [], seats: 1, base: 'entitled', needs: SHARES.half, quorum: SHARES.half, receipts: false, phones: false,
    });
  });

  it('sends no election by hands, and receipts only for a secret vote', () => {
    const election = { ...emptyDraft(), title: 'Bầu', kind: 'election' as const, candidates: 'An\nBình\n', receipts: true };
    expect(fieldsOf(election)).toMatchObject({ way: 'named', options: ['An', 'Bình'], receipts: false });
    expect(fieldsOf({ ...election, way: 'secret' })).toMatchObject({ way: 'secret', receipts: true });
  });

  it('opens with the question of a prepared vote', () => {
    expect(fieldsOf(draftOf({ ...ELECTION, id: 'a' }))).toMatchObject({ title: ELECTION.title, way: 'secret', options: ['An', 'Bình', 'Chi'], seats: 2 });
    expect(draftOf({ ...MOTION, id: 'b' }).candidates).toBe('');
  });
});

describe('the entitled', () => {
  const people = { an: { n: 'An' }, khach: { n: 'Khách', r: 'guest' as const }, hall: { n: 'Xã Bến', k: 'h' as const } };

  it('are those of the roll call, absent sites too, and the other people who vote', () => {
    const roll_sites = { hall: { n: 'Xã Bến', d: 12 }, far: { n: 'Xã Đồi' }, empty: { n: 'Xã Suối', d: 0 } };
    expect(expectedOf({ roll: { phase: 'done' }, roll_sites, people })).toEqual([
      { identity: 'hall', name: 'Xã Bến', delegates: 12 },
      { identity: 'far', name: 'Xã Đồi', delegates: 1 },
      { identity: 'empty', name: 'Xã Suối', delegates: 1 },
      { identity: 'an', name: 'An', delegates: 1 },
    ]);
  });

  it('have one ballot of a site whose people came by the link of their unit', () => {
    const came = { ...people, 'personal_link.m1.a': { n: 'Xã Đồi' } };
    const roll_sites = { hall: { n: 'Xã Bến', d: 12 }, 'hall_terminal.doi': { n: 'Xã Đồi', d: 3, i: 'personal_link.m1.a' } };
    expect(expectedOf({ roll: { phase: 'done' }, roll_sites, people: came }).map((one) => [one.identity, one.delegates])).toEqual([['hall', 12], ['personal_link.m1.a', 3], ['an', 1]]);
  });

  it('are chosen by the server without a finished roll call', () => {
    expect(expectedOf({ people })).toEqual([]);
    expect(expectedOf({ roll: { phase: 'calling' }, roll_sites: { hall: { n: 'Xã Bến' } }, people })).toEqual([]);
  });

  it('tells how many would vote now, and which guests have no ballot', () => {
    const people = { an: { n: 'An', r: 'secretary' }, hall: { n: 'Điểm cầu A', r: 'hall' }, lan: { n: 'Chị Lan', r: 'guest' }, it: { n: 'Vận hành', r: 'operator' }, xem: { n: 'Xem', r: 'observer' } };
    expect(votersOf({ people })).toEqual({ voters: 2, guests: ['Chị Lan'] });
    expect(votersOf({ roll: { phase: 'done' }, roll_sites: { hall: { n: 'Điểm cầu A', d: 12 }, away: { n: 'Điểm cầu B' } }, people })).toEqual({ voters: 3, guests: ['Chị Lan'] });
  });
});

describe('a ballot', () => {
  it('takes at most as many marks as seats', () => {
    expect(marked([], 2, 2)).toEqual([2]);
    expect(marked([2], 0, 2)).toEqual([0, 2]);
    expect(marked([0, 2], 1, 2)).toEqual([0, 2]);
    expect(marked([0, 2], 0, 2)).toEqual([2]);
    expect(marked([0], 1, 1)).toEqual([1]);
  });
});

describe('a result', () => {
  it.each([
    [MOTION, {}, 'adopted'],
    [MOTION, { adopted: false }, 'refused'],
    [MOTION, { quorum: false }, 'noQuorum'],
    [MOTION, { counts: [] }, 'few'],
    [ELECTION, { elected: [0] }, 'elected'],
    [ELECTION, { elected: [] }, 'unelected'],
  ] as const)('has one word for its outcome %#', (vote, over, word) => {
    expect(outcomeOf(vote, { ...RESULT, ...over } as Result)).toBe(word);
  });

  it('keeps the order of a motion, and ranks candidates', () => {
    expect(countedOf(MOTION, { ...RESULT, counts: [1, 5, 2] }).map((one) => one.option)).toEqual([0, 1, 2]);
    expect(countedOf(ELECTION, { ...RESULT, counts: [4, 6, 4], elected: [1], tied: [0, 2] })).toEqual([
      { option: 1, votes: 6, mark: 'elected' },
      { option: 0, votes: 4, mark: 'tied' },
      { option: 2, votes: 4, mark: 'tied' },
    ]);
  });

  it('is in percent with one digit at most', () => {
    expect(percentText(7, 12, ',')).toBe('58,3%');
    expect(percentText(6, 12, ',')).toBe('50%');
    expect(percentText(1, 0, '.')).toBe('0%');
    expect(percentText(1, 3, '.')).toBe('33.3%');
  });
});
