/** The actions of a host on a booked call: its opening, its planned end and its end for all, by their routes. */
import { Refused } from '../../server/client';
import { hostDeed } from '../../server/routes';
import { t } from '../../i18n/call.svelte';

export class Hosting {
  /** The action that runs now. */
  busy = $state('');
  /** The reason why the last action was refused. */
  trouble = $state('');
  /** The reason why the meeting was not extended: who comes next, and what is free. */
  notExtended = $state('');

  constructor(
    private readonly conference: string,
    private readonly key: string,
  ) {}

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
