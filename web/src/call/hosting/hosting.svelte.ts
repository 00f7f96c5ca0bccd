/** The actions of a host on the participants of a call: each action by its route, refusals, and the undo of muting all. */
import { Refused } from '../../server/client';
import { hostDeed } from '../../server/routes';
import { t } from '../../i18n/call.svelte';
import type { Muted, Undone } from '../../server/model';

export type Deed = 'mute' | 'ask-to-unmute' | 'lower-hand' | 'remove';

/**
 * Milliseconds for which the result of an undo is shown. Chosen. Longer: an old result stays on the screen.
 * Shorter: the host cannot read the text.
 */
const SHOWN_MS = 10_000;

export class Hosting {
  /** The action that runs now, and its participant. */
  busy = $state('');
  /** The reason why the last action was refused. */
  trouble = $state('');
  /** The result of the last action on all participants. */
  done = $state('');
  /** The reason why the meeting was not extended: who comes next, and what is free. */
  notExtended = $state('');
  /** The key that undoes the last action. Empty: there is nothing to undo, or it is too late. */
  undo = $state('');
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly conference: string,
    private readonly key: string,
  ) {}

  close(): void {
    clearTimeout(this.timer);
  }

  one(deed: Deed, identity: string, keepOut = false): Promise<boolean> {
    const body = deed === 'remove' ? { identity, keep_out: keepOut } : { identity };
    return this.act(`${deed} ${identity}`, () => this.ask(deed, body));
  }

  muteAll(): Promise<boolean> {
    return this.act('mute-all', async () => {
      const made = await this.ask<Muted>('mute-all');
      this.done = t(made.muted > 0 ? 'host.mutedAll' : 'host.allWereMuted', { n: made.muted });
      this.undo = made.muted > 0 ? made.undo : '';
      this.forgetAfter(made.undo_s * 1000);
    });
  }

  takeBack(): Promise<boolean> {
    const { undo } = this;
    this.undo = '';
    return this.act('undo', async () => {
      const { asked, unmuted } = await this.ask<Undone>('mute-all/undo', { undo });
      const said = [unmuted > 0 ? t('host.unmuted', { n: unmuted }) : '', asked > 0 ? t('host.askedAll', { n: asked }) : ''];
      this.done = said.filter((one) => one !== '').join(' ') || t('host.allBack');
      this.forgetAfter(SHOWN_MS);
    });
  }

  /** Extend the booked end. The metadata of the room notify all participants. */
  async extend(minutes: 15 | 30): Promise<void> {
    this.notExtended = '';
    const done = await this.act('extend', () => this.ask('extend', { minutes }));
    if (!done) [this.notExtended, this.trouble] = [this.trouble, ''];
  }

  /** Open the meeting: its halls no longer wait. */
  begin(): Promise<boolean> {
    return this.act('begin', () => this.ask('begin'));
  }

  end(): Promise<boolean> {
    return this.act('end', () => this.ask('end'));
  }

  private forgetAfter(delay_ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.done = this.undo = ''), delay_ms);
  }

  private ask<Answer>(deed: string, body: Record<string, unknown> = {}): Promise<Answer> {
    return hostDeed<Answer>(this.conference, this.key, deed, body);
  }

  /** Run an action and report whether it succeeded. */
  private async act(what: string, doing: () => Promise<unknown>): Promise<boolean> {
    if (this.busy !== '') return false;
    this.busy = what;
    this.trouble = '';
    try {
      await doing();
      return true;
    } catch (error) {
      this.trouble = error instanceof Refused ? error.message : t('app.offline');
      return false;
    } finally {
      this.busy = '';
    }
  }
}
