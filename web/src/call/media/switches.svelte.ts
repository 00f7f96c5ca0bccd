/** One's own microphone and camera: switched, opened, sent and closed, one change after the other. Owns no choice of a device. */
import { LocalAudioTrack, LocalVideoTrack, RoomEvent, Track, TrackEvent, type LocalTrack, type LocalTrackPublication, type Room } from 'livekit-client';
import { remember } from '../../browser/memory';
import { deviceFailure, failureText } from '../../devices/failure';
import type { OpenTracks } from '../../devices/preview.svelte';
import { t } from '../../i18n/call.svelte';
import type { Backdrop } from './backdrop.svelte';
import { isPublished, type Renewal } from './renewal';
import type { Sending } from './sending.svelte';

export type Input = 'microphone' | 'camera';
export const INPUTS = ['microphone', 'camera'] as const;

/** The call around one's own devices. */
export interface OwnCall {
  ended: () => boolean;
  /** Media is lost, and the call is joined again. */
  mediaLost: () => boolean;
  /** The others have it. */
  published: (input: Input) => boolean;
  changed: () => void;
  cameraOpened: () => Promise<void>;
  tell: (text: string, failure?: boolean) => void;
}

export class Switches {
  busy = $state<Record<Input, boolean>>({ microphone: false, camera: false });
  /** The microphone is off by the person's own switch. */
  mutedByMe = false;
  /** What was opened last, on its way to the others or there. */
  readonly sent: Record<Input, LocalTrack | null> = { microphone: null, camera: null };
  /** What was pressed last and is not so yet. */
  private wishes = $state.raw<Record<Input, { readonly on: boolean } | null>>({ microphone: null, camera: null });
  /** The end of all that changes a device, one after the other. */
  private readonly turning: Record<Input, Promise<void>> = { microphone: Promise.resolve(), camera: Promise.resolve() };

  constructor(
    private readonly room: Room,
    private readonly renewal: Renewal,
    private readonly sending: Sending,
    private readonly backdrop: Backdrop,
    private readonly call: OwnCall,
  ) {
    room
      .on(RoomEvent.LocalTrackPublished, (publication) => this.published(publication))
      .on(RoomEvent.Reconnected, () => INPUTS.forEach((input) => void this.inTurn(input, () => this.openAgain(input))));
  }

  /** As it was pressed last; otherwise as the others have it, or are to have it again once the way to them is made anew. */
  isOn(input: Input): boolean {
    const sent = this.sent[input];
    const republished = this.call.mediaLost() && sent !== null && !sent.isStopped && !sent.isMuted;
    return this.wishes[input]?.on ?? (this.call.published(input) || republished);
  }

  /** The device of a microphone that is off and still open. */
  silenced(): MediaStreamTrack | null {
    const { microphone } = this.sent;
    return microphone === null || microphone.isStopped || this.isOn('microphone') ? null : (sourcesOf(microphone)[0] ?? null);
  }

  toggle(input: Input): Promise<void> {
    return this.turn(input, !this.isOn(input));
  }

  /** The last press wins. Off is dark or silent at once, whatever is being opened; all else waits its turn. */
  turn(input: Input, on: boolean): Promise<void> {
    if (this.wishes[input]?.on === on) return this.turning[input];
    this.wish(input, { on });
    this.dim(input);
    return this.inTurn(input, () => this.fulfil(input, () => this.obey(input)));
  }

  /** What was open before the meeting goes to the others as soon as the call is there. */
  sendOpened(tracks: OpenTracks, connected: Promise<void>): Promise<void[]> {
    const wish = (track: MediaStreamTrack | null) => track && { on: true };
    this.wishes = { microphone: wish(tracks.microphone), camera: wish(tracks.camera) };
    // A switch that is pressed in the meantime waits: a second track of the same kind would obey no switch.
    const publish = (input: Input) => () => connected.then(() => this.publish(input, tracks[input]), () => undefined);
    return Promise.all(INPUTS.map((input) => this.inTurn(input, () => this.fulfil(input, publish(input)))));
  }

  /** After whatever changes that device already, so that no switch meets a track that is on its way out or in. */
  inTurn(input: Input, change: () => Promise<void>): Promise<void> {
    const work = this.turning[input].then(change, change);
    const turn = Promise.allSettled([work]).then(() => {
      if (this.turning[input] === turn) this.busy[input] = false;
      this.call.changed();
    });
    this.busy[input] = true;
    this.turning[input] = turn;
    return turn.then(() => work);
  }

  reopen(): Promise<void> {
    return this.inTurn('camera', async () => {
      if (this.backdrop.held && this.wanted('camera')) await this.turnNow('camera', true);
    });
  }

  async refit(): Promise<void> {
    if (this.call.ended()) return;
    try {
      await this.sending.refit();
    } catch (error) {
      this.call.tell(t(failureText('camera', deviceFailure(error))), true);
    }
  }

  async shut(input: Input): Promise<void> {
    const { localParticipant } = this.room;
    const sent = this.sent[input];
    if (input === 'microphone') this.mutedByMe = true;
    try {
      await (input === 'camera' ? localParticipant.setCameraEnabled(false) : localParticipant.setMicrophoneEnabled(false));
    } catch (error) {
      if (sent === null) throw error; // else it is off all the same
    } finally {
      // The client library mutes only what others have. What it is to publish in a call that is made anew stays off there too.
      if (sent?.isMuted === false) await sent.mute();
      // One that was opened while it was off already: the client library leaves its light on.
      if (sent !== null && input === 'camera') sourcesOf(sent).forEach((source) => source.stop());
    }
  }

  /** Nothing is open from here on. */
  close(): void {
    this.sent.camera?.stop();
    this.sent.microphone?.stop();
  }

  /** False: it was switched off, or the call has ended, while it was on its way. */
  private wanted(input: Input): boolean {
    return !this.call.ended() && this.wishes[input]?.on !== false;
  }

  /** What is open, or is just being opened, sends nothing as long as off is wished. */
  private dim(input: Input): void {
    const track = this.sent[input];
    const wanted = this.wanted(input);
    if (track === null) return;
    if (!wanted && input === 'microphone') this.mutedByMe = true;
    // The client library mutes what others know of, also while it opens another device for it; of what is on its way it tells nobody.
    if (!wanted && isPublished(this.room, track)) void track.mute();
    else if (!track.isMuted) sourcesOf(track).forEach((source) => (source.enabled = wanted));
  }

  private async obey(input: Input): Promise<void> {
    const wish = this.wishes[input];
    if (wish !== null) await this.turnNow(input, wish.on);
  }

  /** What is wished before is so afterwards, or cannot be. */
  private async fulfil(input: Input, act: () => Promise<void>): Promise<void> {
    const wish = this.wishes[input];
    await act().finally(() => {
      if (this.wishes[input] === wish) this.wish(input, null);
    });
  }

  private wish(input: Input, wish: { readonly on: boolean } | null): void {
    this.wishes = { ...this.wishes, [input]: wish };
  }

  private async turnNow(input: Input, on: boolean): Promise<void> {
    if (input === 'microphone' && on) this.mutedByMe = false;
    try {
      if (input === 'camera') this.backdrop.held = this.backdrop.exposed = false;
      if (on) this.leaveUnpublished(input);
      if (input === 'camera' && on) this.backdrop.lost = null;
      if (input === 'camera' && on && !(await this.backdrop.ready(null))) return;
      if (!on) await this.shut(input);
      else if (input === 'camera') await this.openCamera().then(() => this.backdrop.opened());
      else await this.open(input);
      remember(input === 'microphone' ? 'microphoneOn' : 'cameraOn', on ? 'yes' : 'no');
    } catch (error) {
      this.call.tell(t(failureText(input, deviceFailure(error), true)), true);
    }
  }

  /** Whatever the client library still does with what nobody has (again) yet: another one is opened in its place. */
  private leaveUnpublished(input: Input): void {
    const sent = this.sent[input];
    if (sent !== null && !isPublished(this.room, sent)) sent.stop();
  }

  private async open(input: Input): Promise<void> {
    if (!this.wanted(input)) return;
    const sent = this.sent[input];
    if (sent?.isStopped === false && isPublished(this.room, sent)) {
      // Not by the client library's own switch: it waits for all that is published anew, and fails where anything of that does.
      await sent.unmute();
      return;
    }
    const [local] = await this.room.localParticipant.createTracks(input === 'camera' ? { video: true } : { audio: true });
    if (local !== undefined) await this.send(input, local);
  }

  private async openCamera(): Promise<void> {
    try {
      await this.open('camera');
    } catch (error) {
      // Unplugged meanwhile, for example: any other one then. One that is there and does not open stays the chosen one.
      if (deviceFailure(error) !== 'absent' || !this.sending.forgetCamera()) throw error;
      await this.open('camera');
    }
    await this.sending.opened();
    await this.call.cameraOpened();
  }

  private async publish(input: Input, track: MediaStreamTrack | null): Promise<void> {
    if (track === null) return;
    if (input === 'camera' && !(await this.backdrop.ready(track))) return track.stop();
    const constraints = track.getConstraints();
    const local =
      input === 'microphone' ? new LocalAudioTrack(track, constraints, false) : new LocalVideoTrack(track, constraints, false);
    if (local instanceof LocalVideoTrack && !(await this.backdrop.cover(local))) return local.stop();
    await this.send(input, local).catch(() => undefined);
  }

  /** To the others, if it is still wanted; otherwise it is closed. */
  private async send(input: Input, local: LocalTrack): Promise<void> {
    if (!this.wanted(input)) return local.stop();
    this.keep(input, local);
    const isAnew = this.renewal.since();
    try {
      await this.room.localParticipant.publishTrack(local, { source: input === 'camera' ? Track.Source.Camera : Track.Source.Microphone });
    } catch (error) {
      // Perhaps because something else failed in the call that is made anew: `openAgain` waits for its turn already, or will.
      if (isAnew() && this.wanted(input) && !local.isStopped) return;
      local.stop();
      throw error;
    }
  }

  private keep(input: Input, local: LocalTrack): void {
    this.sent[input] = local;
    local.on(TrackEvent.Restarted, () => {
      if (this.call.ended()) local.stop();
      else this.dim(input);
    });
  }

  /**
   * The client library publishes by itself in a call that is made anew, also what was closed or has another in its place by now:
   * of one device others get one track.
   */
  private published({ source, track }: LocalTrackPublication): void {
    if (track === undefined) return;
    const input = source === Track.Source.Camera ? 'camera' : source === Track.Source.Microphone ? 'microphone' : null;
    if (track.isStopped || (input !== null && track !== this.sent[input])) {
      void this.room.localParticipant.unpublishTrack(track).catch(() => undefined);
      return;
    }
    if (input === null) return;
    this.dim(input);
    // Opened once more by the client library while it was switched off: its light is on.
    if (input === 'camera' && track.isMuted) sourcesOf(track).forEach((one) => one.stop());
  }

  /** What the client library could not publish in a call that was made anew is closed, and opened once more: its name may still be taken. */
  private async openAgain(input: Input): Promise<void> {
    const track = this.sent[input];
    if (track === null || track.isStopped || isPublished(this.room, track)) return;
    track.stop();
    if (track.isMuted || !this.wanted(input) || (input === 'camera' && this.backdrop.exposed)) return;
    if (this.wishes[input] === null) this.wish(input, { on: true });
    await this.fulfil(input, () => this.obey(input));
  }
}

/** Of the device itself, not what its pictures are made into. */
export function sourcesOf(track: LocalTrack): MediaStreamTrack[] {
  return track.mediaStream?.getTracks() ?? [];
}
