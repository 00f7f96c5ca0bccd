/**
 * The ballot of a hall with the keys of a remote control. Pure. A motion: the digits 1 to 3, as `*11` to `*13` on the keypad of a
 * terminal. A list: the digits 1 to 9 mark, and 0 goes on. Raised hands: the digits make the number of the chosen field.
 */
import { CHOICES, marked, type Own, type Vote } from '../call/chair/votes/votes';

export interface Paper {
  kind: 'motion' | 'list' | 'hands';
  options: number;
  /** How many options of a list may be marked. */
  seats: number;
  /** The delegates who may raise a hand. */
  present: number;
}

export interface Sheet {
  step: 'choose' | 'sure';
  marks: readonly number[];
  /** The raised hands: for, against, abstain. */
  counts: readonly number[];
  /** The chosen field of the raised hands. */
  field: number;
}

export const BLANK: Sheet = { step: 'choose', marks: [], counts: [0, 0, 0], field: 0 };

/** Return the paper of a vote. A hall with one delegate raises one hand, so it chooses as for a motion. */
export function paperOf(vote: Vote, own: Own): Paper {
  const kind = vote.way === 'hands' && own.present !== 1 ? 'hands' : vote.kind === 'election' ? 'list' : 'motion';
  return { kind, options: vote.kind === 'election' ? vote.options.length : CHOICES.length, seats: vote.seats, present: own.present };
}

/** Mark an option. A motion is then complete. */
export function mark(sheet: Sheet, paper: Paper, option: number): Sheet {
  if (option >= paper.options) return sheet;
  if (paper.kind === 'motion') return { ...sheet, step: 'sure', marks: [option] };
  return { ...sheet, marks: marked(sheet.marks, option, paper.seats) };
}

/** Return the sheet after a digit. Null: the digit belongs to the call. A digit that makes more hands than delegates is ignored. */
export function digit(sheet: Sheet, paper: Paper, pressed: number): Sheet | null {
  if (paper.kind === 'hands') {
    const number = (sheet.counts[sheet.field] ?? 0) * 10 + pressed;
    const counts = sheet.counts.map((one, at) => (at === sheet.field ? number : one));
    return left(counts, paper) < 0 ? sheet : { ...sheet, counts };
  }
  if (paper.kind === 'motion' && (pressed === 0 || pressed > paper.options)) return null;
  if (sheet.step === 'sure') return sheet;
  return pressed === 0 ? { ...sheet, step: 'sure' } : mark(sheet, paper, pressed - 1);
}

/** Return the sheet after the key "back". Null: there is nothing to take back, so the ballot is put away. */
export function back(sheet: Sheet, paper: Paper): Sheet | null {
  if (paper.kind === 'hands') {
    const number = sheet.counts[sheet.field] ?? 0;
    return number === 0 ? null : { ...sheet, counts: sheet.counts.map((one, at) => (at === sheet.field ? Math.floor(one / 10) : one)) };
  }
  if (sheet.step === 'choose') return null;
  return { ...sheet, step: 'choose', marks: paper.kind === 'motion' ? [] : sheet.marks };
}

/** Return how many delegates have raised no hand. */
export function left(counts: readonly number[], paper: Paper): number {
  return paper.present - counts.reduce((sum, one) => sum + one, 0);
}
