/** The floor of one call for its screens: who speaks and waits, the orders of the chair, their refusals, and the undo. */
import { Channel } from '../../channel/channel.svelte';
import { Refused } from '../../server/client';
import { t } from '../../i18n/call.svelte';
import type { Muted, Undone } from '../../server/model';
import type { Desk, Forbidden, Mode, Role, Whom } from './desk';
import { isClosed, leads, modeOf, queueOf, roleOf, silentFor, type Silent } from './floor';

/** The result of an order that can be undone within `undo_s` seconds. */
interface Undoable {
  undo: string;
  undo_s: number;
}

/** Chosen. The timers show seconds. Longer: a second is left out at times. Shorter: work without a visible change. */
const TICK_MS = 500;
/**
 * Chosen. For this time the result of an order is shown. Longer: an old result stays on the screen. Shorter: the chair cannot
 * read the text.
 */
const SHOWN_MS = 10_000;

export class Chairing {
  private channel = $state.raw<Channel | null>(null);
  /** The time by the server's clock. */
  now_ms = $state(Date.now());
  /** The order that runs now. */
  busy = $state('');
  /** The server's sentence about the last order, if the server refused it. */
  trouble = $state('');
  /** The result of the last order on several people. */
  said = $state('');
  /** The token that undoes the last order. Empty: there is nothing to undo, or it is too late. */
  undo = $state('');
  /** The seconds of each turn that the chair gives. 0: the rest of the delegation's time, or no limit. */
  turn_s = $state(0);
  /** True while orders reach the server. */
  readonly live = $derived(this.channel?.state === 'open');
  /** True when the channel will not come back: the meeting is over, or the right of the user. */
  readonly over = $derived(this.channel?.state === 'ended');
  /** Why there is no channel now, in the server's words. Empty while it is open. */
  readonly why = $derived(this.live ? '' : (this.channel?.why ?? ''));
  /** The key with which the user's orders are also given to the REST routes. Empty: there is none yet. */
  readonly key = $derived(this.channel?.key ?? '');
  readonly desk = $derived((this.channel?.document ?? {}) as Desk);
  readonly queue = $derived(queueOf(this.desk));
  readonly turns = $derived(this.desk.floor?.turns ?? []);
  readonly mode = $derived<Mode>(modeOf(this.desk));
  readonly role = $derived<Role>(roleOf(this.desk, this.identity));
  /** The user is chair, co-chair or secretary. The user's own row is absent until the document has arrived. */
  readonly chairs = $derived(this.desk.people?.[this.identity] !== undefined && leads(this.role));
  readonly own = $derived(this.queue.find((one) => one.identity === this.identity));
  readonly ownTurn = $derived(this.turns.find((one) => one.id === this.identity));
  private readonly ticking: ReturnType<typeof setInterval>;
  /** Called with each message to the user alone. */
  told: (message: Record<string, unknown>) => void = () => undefined;
  private forgetting: ReturnType<typeof setTimeout> | undefined;

  /** `self` returns the user's identity in the call, or an empty text on a desk without a call. */
  constructor(private readonly self: () => string) {
    this.ticking = setInterval(() => (this.now_ms = this.channel?.now() ?? Date.now()), TICK_MS);
  }

  /** Report whether the server lets the user give this order, for orders that not only leaders give. */
  may(order: string): boolean {
    return this.channel?.orders.includes(order) === true;
  }

  /** The identity in the call. On a desk without a call: the identity that the channel gave. */
  get identity(): string {
    return this.self() || (this.channel?.identity ?? '');
  }

  /** Open the channel with the token of a call that was joined, or with the key of a host. */
  open(token: string): void {
    this.channel ??= new Channel(location.origin.replace(/^http/, 'ws'), token, (message) => this.told(message));
  }

  close(): void {
    this.channel?.close();
    clearInterval(this.ticking);
    clearTimeout(this.forgetting);
  }

  /** Return why the user may not switch the microphone on now. `asked`: a leader has asked the user to do it. */
  silent(asked: boolean): Silent {
    return silentFor(this.desk, this.identity, asked);
  }

  nameOf(identity: string): string {
    return this.desk.people?.[identity]?.n ?? identity;
  }

  /** Return the seconds that a person has waited. */
  waited_s(asked_ms: number): number {
    return asked_ms === 0 ? 0 : Math.max(0, (this.now_ms - asked_ms) / 1000);
  }

  call(identity: string): Promise<boolean> {
    const name = this.nameOf(identity);
    return this.act(`call ${identity}`, async () => {
      const made = (await this.order('call_speaker', { identity, time_s: this.turn_s })) as unknown as Undoable;
      this.tell(t('chair.called', { name }), made);
    });
  }

  /** Mute all. Who has the floor goes on speaking. */
  muteAll(): Promise<boolean> {
    return this.act('mute-all', async () => {
      const made = (await this.order('mute_all', { spare_floor: true })) as unknown as Muted;
      this.tell(t(made.muted > 0 ? 'host.mutedAll' : 'host.allWereMuted', { n: made.muted }), made.muted > 0 ? made : null);
    });
  }

  takeBack(): Promise<boolean> {
    const { undo } = this;
    this.undo = '';
    return this.act('undo', async () => {
      const { asked, unmuted } = (await this.order('undo', { undo })) as unknown as Undone;
      const said = [unmuted > 0 ? t('host.unmuted', { n: unmuted }) : '', asked > 0 ? t('host.askedAll', { n: asked }) : ''];
      this.tell(said.filter((one) => one !== '').join(' ') || t('chair.undone'));
    });
  }

  endTurn(identity: string): Promise<boolean> {
    return this.simple('end_turn', { identity });
  }

  move(identity: string, place: number): Promise<boolean> {
    return this.simple('reorder', { identity, place });
  }

  lower(identity: string): Promise<boolean> {
    return this.simple('lower_hand', { identity });
  }

  mute(identity: string): Promise<boolean> {
    return this.simple('mute_one', { identity });
  }

  setMode(mode: Mode): Promise<boolean> {
    return this.simple('set_floor_mode', { mode });
  }

  forbid(rule: Forbidden, whom: Whom): Promise<boolean> {
    return this.simple('set_rules', { [rule]: whom });
  }

  muteNewcomers(on: boolean): Promise<boolean> {
    return this.simple('set_rules', { entry_muted: on });
  }

  lock(locked: boolean): Promise<boolean> {
    return this.simple('lock', { locked });
  }

  budget(delegation: string, budget_s: number): Promise<boolean> {
    return this.simple('set_budget', { delegation, budget_s });
  }

  appoint(identity: string, role: Role): Promise<boolean> {
    return this.simple('appoint', { identity, role });
  }

  handOver(identity: string): Promise<boolean> {
    return this.simple('hand_over', { identity });
  }

  release(): Promise<boolean> {
    return this.simple('release_chair', {});
  }

  /** Send one participant to the lobby. The end of a closed session brings back who was sent out during the session. */
  sendOut(identity: string): Promise<boolean> {
    return this.simple(isClosed(this.desk) ? 'closed_session_out' : 'to_lobby', { identity });
  }

  letIn(identity: string): Promise<boolean> {
    return this.simple('from_lobby', { identity });
  }

  /** End the meeting for all. The server ends the channel too, and gives no answer. */
  end(): Promise<boolean> {
    return this.simple('end', {});
  }

  /** Give an order without a result to show. Other parts of the page use it too. */
  simple(name: string, fields: Record<string, unknown>): Promise<boolean> {
    return this.act(name, () => this.order(name, fields));
  }

  /** Give an order of a part of the panel. Throw Refused. */
  order(name: string, fields: Record<string, unknown>): Promise<Record<string, unknown>> {
    return this.channel === null ? Promise.reject(new Refused('offline', t('app.offline'))) : this.channel.give(name, fields);
  }

  /** Show the result of an order. */
  tell(text: string, made: Undoable | null = null): void {
    this.said = text;
    this.undo = made?.undo ?? '';
    clearTimeout(this.forgetting);
    this.forgetting = setTimeout(() => (this.said = this.undo = ''), made === null ? SHOWN_MS : made.undo_s * 1000);
  }

  /** Run an order and report whether it succeeded. The panel shows the server's sentence of a refusal. */
  async act(what: string, doing: () => Promise<unknown>): Promise<boolean> {
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

