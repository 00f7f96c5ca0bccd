/** The votes of one call for its screens: the orders of those who lead, the own ballot, and what the server said. */
import { Refused } from '../../../server/client';
import { t } from '../../../i18n/call.svelte';
import { expectedOf, fieldsOf, votesOf, type Draft, type Own, type Sections, type Vote } from './votes';

/** The channel of the call, as votes use it. */
export interface Orders {
  readonly desk: Sections;
  /** The order that runs now. */
  readonly busy: string;
  /** True while orders reach the server. */
  readonly live: boolean;
  /** Called with each message to the user alone. */
  told: (message: Record<string, unknown>) => void;
  may(order: string): boolean;
  order(name: string, fields: Record<string, unknown>): Promise<Record<string, unknown>>;
  act(what: string, doing: () => Promise<unknown>): Promise<boolean>;
}

export class Voting {
  readonly all = $derived.by(() => votesOf(this.chairing.desk.votes));
  readonly open = $derived(this.all.find((one) => one.state === 'open') ?? null);
  readonly prepared = $derived(this.all.filter((one) => one.state === 'prepared'));
  readonly ended = $derived(this.all.filter((one) => one.state === 'closed' || one.state === 'annulled').reverse());
  /** The own part in the open vote. Null: not entitled, or not known yet. */
  own = $state.raw<Own | null>(null);
  /** The server has said whether the user is entitled. */
  known = $state(false);
  /** The ballot is on its way. */
  casting = $state(false);
  /** The server's sentence about the own ballot, if the server refused it. */
  trouble = $state('');
  /** The receipt of the own secret ballot. Usually empty. */
  receipt = $state('');
  /** The vote that this page saw open last. Its result is shown until the user closes it. */
  private seen = $state('');
  readonly result = $derived(this.all.find((one) => one.id === this.seen && (one.state === 'closed' || one.state === 'annulled')) ?? null);

  constructor(readonly chairing: Orders) {}

  /** Read the own part again when the server says that it has changed: the raised hands, or the cards of the own site. */
  listen(): void {
    this.chairing.told = ({ ballot }) => {
      if (typeof ballot === 'string' && ballot === this.open?.id) void this.heed(ballot);
    };
  }

  get busy(): boolean {
    return this.chairing.busy !== '' || !this.chairing.live;
  }

  /** Read the own part in the open vote. The page calls it when a vote opens, when the entitled change, and after a lost connection. */
  async heed(vote: string): Promise<void> {
    if (vote !== this.seen) {
      this.own = null;
      this.known = false;
      this.trouble = this.receipt = '';
      this.seen = vote;
    }
    if (!this.chairing.may('my_ballot')) {
      this.known = true;
      return;
    }
    try {
      const own = (await this.chairing.order('my_ballot', {})) as unknown as Own;
      this.own = own.vote === vote ? own : null;
      this.known = true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }

  /** Hide the result of the last vote. */
  dismiss(): void {
    this.seen = '';
  }

  /** Cast the own ballot, or change a ballot by name. */
  cast(vote: string, choices: readonly number[]): Promise<boolean> {
    return this.give('ballot', { vote, choices }, (answer) => (this.receipt = String(answer.receipt ?? '')));
  }

  /** Enter the raised hands of the own hall: for, against, abstain. */
  raise(vote: string, counts: readonly number[]): Promise<boolean> {
    return this.give('hands', { vote, for: counts[0], against: counts[1], abstain: counts[2] });
  }

  /** Take back the cards of a site that have no ballot. `identity` empty: the own site. */
  withdraw(vote: string, identity = ''): Promise<boolean> {
    if (identity === '') return this.give('vote_withdraw', { vote });
    return this.chairing.act('vote_withdraw', () => this.chairing.order('vote_withdraw', { vote, identity }));
  }

  private async give(order: string, fields: { vote: string } & Record<string, unknown>, told: (answer: Record<string, unknown>) => void = () => undefined): Promise<boolean> {
    if (this.casting) return false;
    this.casting = true;
    this.trouble = '';
    try {
      told(await this.chairing.order(order, fields));
      await this.heed(fields.vote);
      return true;
    } catch (error) {
      await this.heed(fields.vote); // the ballot may have been cast in another window
      this.trouble = error instanceof Refused ? error.message : t('app.offline');
      return false;
    } finally {
      this.casting = false;
    }
  }

  // -- orders of those who lead

  /** Prepare a vote. `vote`: the prepared vote whose question is replaced; empty: a new one. */
  prepare(draft: Draft, vote = ''): Promise<boolean> {
    return this.chairing.act('vote_prepare', () => this.chairing.order('vote_prepare', { ...fieldsOf(draft), vote }));
  }

  /**
   * Prepare a vote, and open it before the votes that are prepared already. Report whether it is prepared. If the server refuses
   * to open the vote, the vote stays prepared, after the others.
   */
  async start(draft: Draft): Promise<boolean> {
    const others = this.prepared.map((one) => one.id);
    let vote = '';
    await this.chairing.act('vote_open', async () => {
      vote = String((await this.chairing.order('vote_prepare', fieldsOf(draft))).vote);
      if (others.length > 0) await this.chairing.order('vote_order', { votes: [vote, ...others] });
      try {
        await this.chairing.order('vote_open', { vote, expected: expectedOf(this.chairing.desk) });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (others.length > 0) await this.chairing.order('vote_order', { votes: [...others, vote] });
        throw new Refused(error.code, `${error.message}. ${t('vote.kept')}`.replace('..', '.'));
      }
    });
    return vote !== '';
  }

  openNext(vote: string): Promise<boolean> {
    return this.chairing.act('vote_open', () => this.chairing.order('vote_open', { vote, expected: expectedOf(this.chairing.desk) }));
  }

  /** Move a prepared vote one place to the front. */
  moveUp(vote: string): Promise<boolean> {
    const votes = this.prepared.map((one) => one.id);
    const at = votes.indexOf(vote);
    if (at > 0) [votes[at - 1], votes[at]] = [votes[at]!, votes[at - 1]!];
    return this.chairing.act('vote_order', () => this.chairing.order('vote_order', { votes }));
  }

  admit(vote: string, identity: string): Promise<boolean> {
    return this.chairing.act('vote_admit', () => this.chairing.order('vote_admit', { vote, identity }));
  }

  /** Enter or correct the raised hands of a hall. */
  count(vote: string, identity: string, counts: readonly number[]): Promise<boolean> {
    return this.chairing.act('vote_count', () => this.chairing.order('vote_count', { vote, identity, for: counts[0], against: counts[1], abstain: counts[2] }));
  }

  close(vote: string): Promise<boolean> {
    return this.chairing.act('vote_close', () => this.chairing.order('vote_close', { vote }));
  }

  annul(vote: string, reason: string): Promise<boolean> {
    return this.chairing.act('vote_annul', () => this.chairing.order('vote_annul', { vote, reason }));
  }

  nameOf(vote: Vote, option: number): string {
    return vote.kind === 'motion' ? t(`vote.choice.${(['for', 'against', 'abstain'] as const)[option]!}`) : (vote.options[option] ?? '');
  }
}
