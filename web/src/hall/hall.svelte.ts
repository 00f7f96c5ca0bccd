/**
 * A PC that stands for a hall: its key, its schedule, and the call that it enters by itself. It asks the server every few
 * seconds, so that a change, a new meeting and a revoked key are known soon. It draws nothing.
 */
import { recall, remember } from '../browser/memory';
import { Timers } from '../browser/timers';
import type { Key } from '../i18n/index.svelte';
import type { Entry } from '../call/live/entry';
import type { BookedPass, PcView } from '../server/model';
import { enrolHall, lookHall, requestHallPass } from '../server/routes';
import { Refused } from '../server/client';
import { openDevices } from './opening';

/** Chosen. Longer: the PC enters late, and a stolen one leaves late by itself. Shorter: 240 halls burden the server. */
const LOOK_MS = 10_000;
/** Chosen. A call that ended by a fault is tried again after this time. Longer: the hall misses more. Shorter: it tries in vain. */
const AGAIN_MS = 3_000;
/** The ends of a call after which the PC does not come back by itself: somebody wanted the end. */
const WANTED: readonly Key[] = ['left.self', 'left.removed', 'left.duplicate', 'left.ended'];

export class HallPc {
  key = $state(recall('hallKey') ?? '');
  /** The newest answer of the server. Null: none came yet. */
  view = $state.raw<PcView | null>(null);
  /** The server does not answer. */
  offline = $state(false);
  /** The server's sentence about the last refusal. */
  trouble = $state('');
  /** The call. Null: the PC waits. */
  entry = $state.raw<Entry | null>(null);
  /** Why the last call ended. */
  ended = $state<Key | null>(null);
  busy = $state(false);
  /** The date that the PC has left for good, so that the schedule does not bring it back. */
  private left = '';
  private current = '';
  private readonly timers = new Timers();

  /** Begin to ask. Call `close` at the end. */
  open(): void {
    void this.look();
  }

  close(): void {
    this.timers.close();
  }

  async enrol(code: string): Promise<void> {
    await this.doing(async () => {
      const { key } = await enrolHall(code);
      remember('hallKey', key);
      this.key = key;
      await this.ask();
    });
  }

  /** Enter a date because somebody pressed its button. */
  async press(occurrence: string): Promise<void> {
    this.left = '';
    await this.doing(() => this.enter(occurrence));
  }

  /** Take note that the call ended. */
  leave(reason: Key): void {
    this.entry = null;
    this.ended = reason;
    if (WANTED.includes(reason)) this.left = this.current;
    else this.timers.later(AGAIN_MS, () => void this.ask());
  }

  private async look(): Promise<void> {
    await this.ask();
    this.timers.later(LOOK_MS, () => void this.look());
  }

  private async ask(): Promise<void> {
    if (this.key === '') return;
    try {
      const view = await lookHall(this.key);
      this.view = view;
      this.offline = false;
      if (this.entry === null && view.join !== '' && view.join !== this.left) await this.doing(() => this.enter(view.join));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.code === 'pc_key_wrong') this.forget(error.message);
      else this.offline = true;
    }
  }

  private async enter(occurrence: string): Promise<void> {
    if (this.entry !== null) return;
    const pass: BookedPass = await requestHallPass(this.key, occurrence);
    const tracks = await openDevices();
    this.current = occurrence;
    this.ended = null;
    this.entry = { pass, name: pass.name, tracks, blur: null, hall: true, chosen: { camera: '', microphone: '', speaker: '' } };
  }

  /** Forget the key, because the operator revoked it. The call ends with the page of the call. */
  private forget(why: string): void {
    remember('hallKey', '');
    this.key = this.left = '';
    this.view = this.entry = null;
    this.trouble = why;
  }

  private async doing(work: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.trouble = '';
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.trouble = error.message;
      if (error.code === 'pc_key_wrong') this.forget(error.message);
    } finally {
      this.busy = false;
    }
  }
}
