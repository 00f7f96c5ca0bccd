/**
 * Switches, opens, sends and closes the user's own microphone and camera, one change after the other. This class does not
 * choose a device.
 */
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

/** The parts of the call that the user's own devices need. */
export interface OwnCall {
  ended: () => boolean;
  /** Media is lost, and the page joins the call again. */
  mediaLost: () => boolean;
  /** The track is published to the others. */
  published: (input: Input) => boolean;
  /** Return why the microphone may not be switched on now. Empty: it may. */
  barred: () => string;
  /** The meeting mutes newcomers. */
  mutesNewcomers: () => boolean;
  changed: () => void;
  cameraOpened: () => Promise<void>;
  tell: (text: string, failure?: boolean) => void;
}

export class Switches {
  busy = $state<Record<Input, boolean>>({ microphone: false, camera: false });
  /** The person switched the microphone off. */
  mutedByMe = false;
  /** The track that was opened last, published or about to be published. */
  readonly sent: Record<Input, LocalTrack | null> = { microphone: null, camera: null };
  /** The last press of a switch, until its change is complete. */
  private wishes = $state.raw<Record<Input, { readonly on: boolean } | null>>({ microphone: null, camera: null });
  /** The person switched the microphone on after joining. */
  private pressedOn = false;
  /** The end of the queue of changes, for each device. */
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

  /**
   * Report whether the switch is on. The last press decides. Without a press, the published state decides, or the state that
   * a renewed connection will publish again.
   */
  isOn(input: Input): boolean {
    const sent = this.sent[input];
    const republished = this.call.mediaLost() && sent !== null && !sent.isStopped && !sent.isMuted;
    return this.wishes[input]?.on ?? (this.call.published(input) || republished);
  }

  /** Return the device track of a microphone that is off and still open. */
  silenced(): MediaStreamTrack | null {
    return this.isOn('microphone') ? null : this.openMicrophone();
  }

  /** Return the device track of a microphone that is open, on or off. */
  openMicrophone(): MediaStreamTrack | null {
    const { microphone } = this.sent;
    return microphone === null || microphone.isStopped ? null : (sourcesOf(microphone)[0] ?? null);
  }

  toggle(input: Input): Promise<void> {
    return this.turn(input, !this.isOn(input));
  }

  /**
   * Switch a device. The last press wins. Switching off makes the device dark or silent at once, also while it opens. Every
   * other change waits for its turn.
   */
  turn(input: Input, on: boolean): Promise<void> {
    if (this.wishes[input]?.on === on) return this.turning[input];
    const why = input === 'microphone' && on ? this.call.barred() : '';
    if (why !== '') {
      this.call.tell(why);
      return Promise.resolve();
    }
    if (input === 'microphone' && on) this.pressedOn = true;
    this.wish(input, { on });
    this.dim(input);
    return this.inTurn(input, () => this.fulfil(input, () => this.obey(input)));
  }

  /**
   * Publish the devices that were open before the meeting, as soon as the call is connected. Open the devices that the person
   * wanted and that were not open yet.
   */
  sendOpened(tracks: OpenTracks, connected: Promise<void>): Promise<void[]> {
    const isLate = (input: Input) => tracks.late.includes(input);
    const wish = (input: Input) => (tracks[input] !== null || isLate(input) ? { on: true } : null);
    this.wishes = { microphone: wish('microphone'), camera: wish('camera') };
    const send = (input: Input) => (isLate(input) ? this.obey(input) : this.publish(input, tracks[input]));
    // A press of a switch in the meantime waits: a second track of the same kind would obey no switch.
    const begin = (input: Input) => () => connected.then(() => send(input), () => undefined);
    return Promise.all(INPUTS.map((input) => this.inTurn(input, () => this.fulfil(input, begin(input)))));
  }

  /** Run a change after all earlier changes of the same device, so that no switch meets a half-published track. */
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

  /** Open the camera that was off until the blur was ready, if the person still wants the camera. */
  reopen(): Promise<void> {
    return this.inTurn('camera', async () => {
      if (this.backdrop.held && this.wanted('camera')) await this.turnNow('camera', true);
    });
  }

  /** Publish the camera again if its layers are not the published layers (`Sending.refit`). */
  async refit(): Promise<void> {
    if (this.call.ended()) return;
    try {
      await this.sending.refit();
    } catch (error) {
      this.call.tell(t(failureText('camera', deviceFailure(error))), true);
    }
  }

  /** Mute a device for the others, and stop the camera so that its light goes off. */
  async shut(input: Input): Promise<void> {
    const { localParticipant } = this.room;
    const sent = this.sent[input];
    if (input === 'microphone') this.mutedByMe = true;
    try {
      await (input === 'camera' ? localParticipant.setCameraEnabled(false) : localParticipant.setMicrophoneEnabled(false));
    } catch (error) {
      if (sent === null) throw error; // with a track, the code below switches it off in any case
    } finally {
      // The client library mutes only published tracks. A track that a new connection will publish must stay muted too.
      if (sent?.isMuted === false) await sent.mute();
      // The camera was already off when it opened: the client library leaves its light on.
      if (sent !== null && input === 'camera') sourcesOf(sent).forEach((source) => source.stop());
    }
  }

  /** Close both devices. */
  close(): void {
    this.sent.camera?.stop();
    this.sent.microphone?.stop();
  }

  /** Return false if the device was switched off, or the call ended, while the device opened. */
  private wanted(input: Input): boolean {
    return !this.call.ended() && this.wishes[input]?.on !== false;
  }

  /** Make an open or opening device send nothing while its switch is off. */
  private dim(input: Input): void {
    const track = this.sent[input];
    const wanted = this.wanted(input);
    if (track === null) return;
    if (!wanted && input === 'microphone') this.mutedByMe = true;
    // The client library mutes a published track, also while it opens another device for that track. It sends no message about
    // a track that is not published yet.
    if (!wanted && isPublished(this.room, track)) void track.mute();
    else if (!track.isMuted) sourcesOf(track).forEach((source) => (source.enabled = wanted));
  }

  private async obey(input: Input): Promise<void> {
    const wish = this.wishes[input];
    if (wish !== null) await this.turnNow(input, wish.on);
  }

  /** Run a change. After it, the wish at its start is fulfilled or cannot be fulfilled. */
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

  /**
   * Stop a track that is not published, or not published again yet. The client library may still work on it, and another
   * track is opened in its place.
   */
  private leaveUnpublished(input: Input): void {
    const sent = this.sent[input];
    if (sent !== null && !isPublished(this.room, sent)) sent.stop();
  }

  private async open(input: Input): Promise<void> {
    if (!this.wanted(input)) return;
    const sent = this.sent[input];
    if (sent?.isStopped === false && isPublished(this.room, sent)) {
      // The client library's own switch waits for all tracks that a new connection publishes, and fails if one of them fails.
      await sent.unmute();
      return;
    }
    const [local] = await this.room.localParticipant.createTracks(input === 'camera' ? { video: true } : { audio: true });
    if (local === undefined) return;
    // The server mutes the first microphone of a newcomer, unless it comes muted.
    const entersMuted = input === 'microphone' && sent === null && this.pressedOn && this.call.mutesNewcomers();
    if (entersMuted) await local.mute();
    await this.send(input, local);
    if (entersMuted && this.wanted(input) && isPublished(this.room, local)) await local.unmute();
  }

  private async openCamera(): Promise<void> {
    try {
      await this.open('camera');
    } catch (error) {
      // The camera was unplugged, for example: any other camera is opened. A camera that is present and does not open stays the
      // chosen one.
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

  /** Publish a track if it is still wanted. Otherwise close the track. */
  private async send(input: Input, local: LocalTrack): Promise<void> {
    if (!this.wanted(input)) return local.stop();
    this.keep(input, local);
    const isAnew = this.renewal.since();
    try {
      await this.room.localParticipant.publishTrack(local, { source: input === 'camera' ? Track.Source.Camera : Track.Source.Microphone });
    } catch (error) {
      // In a renewed connection, another track may have caused the error. `openAgain` then publishes this track in its turn.
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
   * Check a track that was just published. In a renewed connection the client library publishes by itself, also tracks that
   * were closed or replaced. The others must get only one track of each device.
   */
  private published({ source, track }: LocalTrackPublication): void {
    if (track === undefined) return;
    const input = source === Track.Source.Camera ? 'camera' : source === Track.Source.Microphone ? 'microphone' : null;
    if (track.isStopped || (input !== null && track !== this.sent[input])) {
      void this.room.localParticipant.unpublishTrack(track).catch(() => undefined);
      return;
    }
    if (input === null) return;
    if (!track.isMuted) this.askServer(track);
    this.dim(input);
    // The client library opened the camera again while it was switched off, so its light is on.
    if (input === 'camera' && track.isMuted) sourcesOf(track).forEach((one) => one.stop());
  }

  /**
   * Tell the server the state of a track that was just published. The server may have muted the track before the client
   * library knew the track, and the library then lost the server's message. The server answers with the message again.
   */
  private askServer(track: LocalTrack): void {
    if (track.sid !== undefined) void this.room.engine.client.sendMuteTrack(track.sid, false);
  }

  /**
   * Close and open again a track that the client library could not publish in a renewed connection. The track's name may
   * still be taken.
   */
  private async openAgain(input: Input): Promise<void> {
    const track = this.sent[input];
    if (track === null || track.isStopped || isPublished(this.room, track)) return;
    track.stop();
    if (track.isMuted || !this.wanted(input) || (input === 'camera' && this.backdrop.exposed)) return;
    if (this.wishes[input] === null) this.wish(input, { on: true });
    await this.fulfil(input, () => this.obey(input));
  }
}

/** Return the tracks of the device itself, without the processor's result. */
export function sourcesOf(track: LocalTrack): MediaStreamTrack[] {
  return track.mediaStream?.getTracks() ?? [];
}
