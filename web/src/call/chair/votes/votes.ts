/**
 * The votes of the desk document (`conference/chair/voting/views.py`) as the pages show them. Pure. A member of the document that
 * is empty is absent.
 */
import type { SiteCards } from './phones/cards';

export type Way = 'hands' | 'named' | 'secret';
export type Kind = 'motion' | 'election';
export type Base = 'entitled' | 'present' | 'cast' | 'valid';

export const WAYS: readonly Way[] = ['hands', 'named', 'secret'];
export const BASES: readonly Base[] = ['entitled', 'present', 'cast', 'valid'];
/** The options of a motion, in the order of the server. */
export const CHOICES = ['for', 'against', 'abstain'] as const;
/** The roles without a ballot (`conference/chair/rights.py`). */
const VOTELESS: readonly string[] = ['guest', 'observer', 'operator'];
/** The shares that a chair may require, by a short name. `half`: more than a half. */
export const SHARES = {
  half: { part: 1, whole: 2, above: true },
  twoThirds: { part: 2, whole: 3, above: false },
  threeQuarters: { part: 3, whole: 4, above: false },
  none: { part: 0, whole: 1, above: false },
} as const;
export type ShareName = keyof typeof SHARES;
export const SHARE_NAMES = Object.keys(SHARES) as readonly ShareName[];

export interface Share {
  part: number;
  whole: number;
  above: boolean;
}

export interface Result {
  entitled: number;
  present: number;
  cast: number;
  valid: number;
  base: number;
  /** One number for each option. Empty: too few ballots, so their counts would show single choices. */
  counts: number[];
  quorum: boolean;
  adopted: boolean;
  elected: number[];
  tied: number[];
  receipts: [string, number][];
  digest: string;
}

/** A voter of the newest open vote: `choices` in a vote by name, `counts` in a vote by show of hands. */
export interface VoterRow {
  name: string;
  present?: number;
  choices?: number[];
  counts?: number[];
}

export interface VoteRow {
  place: number;
  title: string;
  text?: string;
  kind: Kind;
  way: Way;
  options: string[];
  seats: number;
  base: Base;
  needs: Share;
  quorum: Share;
  receipts?: boolean;
  phones?: boolean;
  state: 'prepared' | 'open' | 'closed' | 'annulled';
  entitled: number;
  present: number;
  quorum_reached?: boolean;
  cast: number;
  reason?: string;
  result?: Result;
  rows?: Record<string, VoterRow>;
  /** Only for those who lead, while the vote is open: the sites whose delegates vote by phone. */
  cards?: Record<string, SiteCards>;
}

export interface Vote extends VoteRow {
  id: string;
}

/** The sections of the desk document that votes read. */
export interface Sections {
  votes?: Record<string, VoteRow>;
  people?: Record<string, { n: string; r?: string }>;
  /** The people who may be added to the open vote. The server decides this, because a site has one ballot. */
  vote_late?: Record<string, { n: string }>;
  roll?: { phase: string };
  /** The sites of the roll call: name, reported delegates, and who is there for the site if the identity differs from its id. */
  roll_sites?: Record<string, { n: string; d?: number; i?: string }>;
}

/** The own part in the open vote: the answer of the order `my_ballot`. */
export interface Own {
  vote: string;
  voted: boolean;
  /** The present delegates of a hall. */
  present: number;
  choices: number[] | null;
  counts: number[] | null;
  /** How many further delegates of the own site may vote by phone, how many phones have a card (null: not told), and the code that they need. */
  cards: number;
  taken: number | null;
  code: string;
}

/** Return the votes in their order. */
export function votesOf(section: Record<string, VoteRow> | undefined): Vote[] {
  return Object.entries(section ?? {})
    .map(([id, row]) => ({ ...row, id }))
    .sort((a, b) => a.place - b.place);
}

/** Return the name of a share, or null for a share that another program has set. */
export function shareName(share: Share): ShareName | null {
  return SHARE_NAMES.find((name) => SHARES[name].part === share.part && SHARES[name].whole === share.whole && SHARES[name].above === share.above) ?? null;
}

/** Return a number in percent of the base, with one digit after the comma if there is one. */
export function percentText(number: number, base: number, comma: string): string {
  if (base === 0) return '0%';
  const tenths = Math.round((number * 1000) / base);
  return `${Math.floor(tenths / 10)}${tenths % 10 === 0 ? '' : `${comma}${tenths % 10}`}%`;
}

/** Return the marked options after a press on one option. A full ballot takes no further mark. */
export function marked(marks: readonly number[], option: number, seats: number): number[] {
  if (marks.includes(option)) return marks.filter((one) => one !== option);
  if (seats === 1) return [option];
  return marks.length < seats ? [...marks, option].sort((a, b) => a - b) : [...marks];
}

/** The outcome of a closed vote in one word. `few`: fewer ballots than a secret vote announces. */
export type Outcome = 'adopted' | 'refused' | 'elected' | 'unelected' | 'noQuorum' | 'few';

export function outcomeOf(vote: VoteRow, result: Result): Outcome {
  if (result.counts.length === 0) return 'few';
  if (!result.quorum) return 'noQuorum';
  if (vote.kind === 'motion') return result.adopted ? 'adopted' : 'refused';
  return result.elected.length > 0 ? 'elected' : 'unelected';
}

/** A row of a result: the place of the option, its number of votes, and whether it was elected or had equal votes. */
export interface Counted {
  option: number;
  votes: number;
  mark: '' | 'elected' | 'tied';
}

/** Return the rows of a result. The candidates of an election are in the order of their votes. */
export function countedOf(vote: VoteRow, result: Result): Counted[] {
  const rows = result.counts.map((votes, option) => ({
    option,
    votes,
    mark: result.elected.includes(option) ? ('elected' as const) : result.tied.includes(option) ? ('tied' as const) : ('' as const),
  }));
  return vote.kind === 'motion' ? rows : rows.sort((a, b) => b.votes - a.votes || a.option - b.option);
}

/** A question as the form holds it. */
export interface Draft {
  title: string;
  text: string;
  kind: Kind;
  way: Way;
  /** The candidates, one a line. */
  candidates: string;
  seats: number;
  base: Base;
  needs: ShareName;
  quorum: ShareName;
  receipts: boolean;
  phones: boolean;
}

export function emptyDraft(): Draft {
  return { title: '', text: '', kind: 'motion', way: 'hands', candidates: '', seats: 1, base: 'entitled', needs: 'half', quorum: 'half', receipts: false, phones: false };
}

/** Return the draft of a prepared vote. A share that the form does not know becomes more than a half. */
export function draftOf(vote: Vote): Draft {
  const { title, text = '', kind, way, options, seats, base, receipts = false, phones = false } = vote;
  const candidates = kind === 'election' ? options.join('\n') : '';
  return { title, text, kind, way, candidates, seats, base, needs: shareName(vote.needs) ?? 'half', quorum: shareName(vote.quorum) ?? 'half', receipts, phones };
}

/** An entitled person or hall for the order `vote_open`, present or absent. */
export interface Expected {
  identity: string;
  name: string;
  delegates: number;
}

/**
 * Return the entitled if a roll call was finished: its sites, absent ones too, and the people who vote and are in no row of the
 * roll call. Empty without a roll call: then the server takes all who are present.
 */
export function expectedOf({ roll, roll_sites = {}, people = {} }: Sections): Expected[] {
  if (roll?.phase !== 'done') return [];
  const sites = Object.entries(roll_sites).map(([id, { n, d, i }]) => ({ identity: i ?? id, name: n, delegates: Math.max(1, d ?? 1) }));
  const known = new Set([...Object.keys(roll_sites), ...sites.map((one) => one.identity)]);
  const others = Object.entries(people).filter(([identity, { r }]) => !known.has(identity) && !VOTELESS.includes(r ?? ''));
  return [...sites, ...others.map(([identity, { n }]) => ({ identity, name: n, delegates: 1 }))];
}

/** Return how many voters a vote would have now, and the guests who are here and have no ballot. */
export function votersOf(sections: Sections): { voters: number; guests: string[] } {
  const people = Object.values(sections.people ?? {});
  const expected = expectedOf(sections);
  return {
    voters: expected.length > 0 ? expected.length : people.filter(({ r }) => !VOTELESS.includes(r ?? '')).length,
    guests: people.filter(({ r }) => r === 'guest').map(({ n }) => n),
  };
}

export function candidatesOf(text: string): string[] {
  return text.split('\n').map((one) => one.trim()).filter((one) => one !== '');
}

/** Return the fields of the order `vote_prepare`. An election by show of hands is by name, because the server knows no other. */
export function fieldsOf(draft: Draft): Record<string, unknown> {
  const election = draft.kind === 'election';
  const way = election && draft.way === 'hands' ? 'named' : draft.way;
  return {
    title: draft.title.trim(),
    text: draft.text.trim(),
    kind: draft.kind,
    way,
    options: election ? candidatesOf(draft.candidates) : [],
    seats: election ? draft.seats : 1,
    base: draft.base,
    needs: SHARES[draft.needs],
    quorum: SHARES[draft.quorum],
    receipts: way === 'secret' && draft.receipts,
    phones: way !== 'hands' && draft.phones,
  };
}

/** Report whether the form can be sent. The server checks the rest. */
export function isReady(draft: Draft): boolean {
  return draft.title.trim() !== '' && (draft.kind === 'motion' || candidatesOf(draft.candidates).length >= Math.max(1, draft.seats));
}
