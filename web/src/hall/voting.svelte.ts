/** The open vote on the screen of a hall: the ballot under the keys, and for how long the result stays. */
import type { Chairing } from '../call/chair/chairing.svelte';
import { Voting } from '../call/chair/votes/voting.svelte';
import { back, BLANK, digit, mark, paperOf, type Paper, type Sheet } from './ballot';

/** `VOTE_RESULT_S`: as long as in the picture of called halls. */
const RESULT_MS = 30_000;

export class HallVoting {
  readonly voting: Voting;
  sheet = $state.raw<Sheet>(BLANK);
  /** The vote whose ballot somebody put away with the key "back". */
  private away = $state('');
  /** The hall changes a ballot that was recorded. */
  private changing = $state(false);
  private known = '';
  private hiding: ReturnType<typeof setTimeout> | undefined;

  /** `ring`: plays a sound when a vote opens. Called halls hear a sentence. */
  constructor(
    chairing: Chairing,
    private readonly ring: () => void,
  ) {
    this.voting = new Voting(chairing);
    this.voting.listen();
  }

  readonly paper = $derived.by<Paper | null>(() => {
    const { open, own } = this.voting;
    return open !== null && own !== null && own.vote === open.id ? paperOf(open, own) : null;
  });
  /** The ballot takes the keys now. */
  readonly asks = $derived.by(() => this.paper !== null && this.away !== this.voting.open?.id && (this.changing || this.voting.own?.voted !== true));
  /** A key brings the ballot back: it was put away, or it may be changed. A secret ballot is final. */
  readonly waits = $derived.by(() => this.paper !== null && !this.asks && (this.voting.own?.voted !== true || this.voting.open?.way !== 'secret'));

  /** Take note of the open vote. `asked`: changes when the server must be asked again for the own part. */
  heed(asked: string): void {
    const vote = this.voting.open;
    if (asked === '' || vote === null) return;
    if (this.known !== vote.id) {
      this.known = vote.id;
      this.ring();
      this.sheet = BLANK;
      this.changing = false;
    }
    void this.voting.heed(vote.id);
  }

  /** Hide the result after its time. */
  showResult(on: boolean): void {
    clearTimeout(this.hiding);
    if (on) this.hiding = setTimeout(() => this.voting.dismiss(), RESULT_MS);
  }

  /** Bring the ballot back, with the choice that was recorded. */
  open(): void {
    const { own } = this.voting;
    this.away = '';
    this.changing = own?.voted === true;
    this.sheet = { ...BLANK, marks: this.paper?.kind === 'list' ? (own?.choices ?? []) : [], counts: own?.counts ?? BLANK.counts };
  }

  /** Report whether the ballot takes this digit. */
  takes(pressed: number): boolean {
    return this.paper !== null && this.asks && digit(this.sheet, this.paper, pressed) !== null;
  }

  /** Take a digit. Return false if the digit belongs to the call. */
  digit(pressed: number): boolean {
    const next = this.paper === null || !this.asks ? null : digit(this.sheet, this.paper, pressed);
    if (next !== null) this.sheet = next;
    return next !== null;
  }

  /** Take the key "back": take the last step back, put the ballot away, or hide the result. Return false if there is none. */
  back(): boolean {
    if (this.voting.result !== null) this.voting.dismiss();
    else if (this.paper === null || !this.asks) return false;
    else {
      const next = back(this.sheet, this.paper);
      this.sheet = next ?? BLANK;
      if (next === null) {
        this.away = this.changing ? '' : (this.voting.open?.id ?? '');
        this.changing = false;
      }
    }
    return true;
  }

  mark(option: number): void {
    if (this.paper !== null) this.sheet = mark(this.sheet, this.paper, option);
  }

  goOn(): void {
    this.sheet = { ...this.sheet, step: 'sure' };
  }

  choose(field: number): void {
    this.sheet = { ...this.sheet, field };
  }

  /** Send the ballot. Afterwards the screen keeps no choice: a refused one is chosen again. */
  async send(): Promise<void> {
    const { open } = this.voting;
    const { paper, sheet } = this;
    if (open === null || paper === null) return;
    const raised = paper.kind === 'hands' ? sheet.counts : BLANK.counts.map((_, at) => (sheet.marks.includes(at) ? 1 : 0));
    const cast = await (open.way === 'hands' ? this.voting.raise(open.id, raised) : this.voting.cast(open.id, sheet.marks));
    if (cast || open.way === 'secret') this.sheet = BLANK;
    else this.sheet = { ...this.sheet, step: 'choose' };
    if (cast) this.changing = false;
  }

  close(): void {
    clearTimeout(this.hiding);
  }
}
