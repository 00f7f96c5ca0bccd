/**
 * One live conference as the page sees it: joins, publishes, and turns the client library's events into state that
 * screens draw. Signalling and media are separate here: losing the socket changes the banner, never a track.
 */
import {
  ConnectionState,
  LocalAudioTrack,
  LocalVideoTrack,
  Room,
  RoomEvent,
  SubscriptionError,
  Track,
  VideoPresets,
  setLogLevel,
  type DisconnectReason,
  type Participant,
  type RoomOptions,
  type VideoResolution,
} from 'livekit-client';
import { deviceFailure, failureText } from '../devices/failure';
import { t } from '../i18n/call.svelte';
import type { Key } from '../i18n/index.svelte';
import { recall, remember } from '../memory';
import type { Entry } from '../pages/Prejoin.svelte';
import { Arrivals } from './arrivals';
import { Backdrop } from './backdrop.svelte';
import { Chat } from './chat.svelte';
import { CHECK_MS, mediaFlows } from './flow';
import { joinFailureText, leavingText } from './leaving';
import { HAND, isComposed, membersOf, type Member } from './members';
import { Notices } from './notices.svelte';
import { Floor } from './order';
import { Pictures } from './pictures.svelte';
import { cameraSize, keepSaving, recalledSaving, type Saving } from './saving';
import { Sending } from './sending.svelte';
import { Sound } from './sound.svelte';
import { Statistics } from './statistics.svelte';

export type Link = 'joining' | 'steady' | 'signal-lost' | 'media-lost' | 'ended';
export type Input = 'microphone' | 'camera';

/** Events come in bursts (25 people joining is some 100); the screen follows at most ten times a second. */
const REDRAW_MS = 100;
/** A socket that comes back sooner was never noticed by anybody. */
const BANNER_AFTER_MS = 2_000;

const REDRAWN_BY = [
  RoomEvent.ParticipantConnected,
  RoomEvent.ParticipantDisconnected,
  RoomEvent.TrackPublished,
  RoomEvent.TrackUnpublished,
  RoomEvent.TrackSubscribed,
  RoomEvent.TrackUnsubscribed,
  RoomEvent.TrackMuted,
  RoomEvent.TrackUnmuted,
  RoomEvent.LocalTrackPublished,
  RoomEvent.LocalTrackUnpublished,
  RoomEvent.ParticipantNameChanged,
  RoomEvent.ParticipantAttributesChanged,
  RoomEvent.ConnectionQualityChanged,
  RoomEvent.TrackStreamStateChanged,
  RoomEvent.ActiveSpeakersChanged,
  RoomEvent.Reconnected,
] as const;

export class Conference {
  members = $state.raw<Member[]>([]);
  link = $state<Link>('joining');
  /** Who holds the main picture. */
  floor = $state<string | null>(null);
  busy = $state<Record<Input | 'screen' | 'hand', boolean>>({ microphone: false, camera: false, screen: false, hand: false });
  devices = $state({ camera: '', microphone: '', speaker: '' });
  saving = $state<Saving>(recalledSaving());

  readonly notices = new Notices();
  readonly chat: Chat;
  readonly sound: Sound;
  readonly pictures: Pictures;
  readonly sending: Sending;
  readonly backdrop: Backdrop;
  /** When somebody last spoke, by identity, in ms. */
  readonly lastSpoke = new Map<string, number>();
  private readonly room: Room;
  private readonly order = new Floor();
  private readonly undecoded = new Set<string>();
  private readonly arrivals = new Arrivals();
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();
  private redrawTimer: ReturnType<typeof setTimeout> | undefined;
  private arrivalTimer: ReturnType<typeof setTimeout> | undefined;
  private bannerTimer: ReturnType<typeof setTimeout> | undefined;
  private mutedByMe = false;
  private readonly turning: Record<Input, Promise<void>> = { microphone: Promise.resolve(), camera: Promise.resolve() };

  constructor(
    private readonly entry: Entry,
    phone: boolean,
    private readonly ended: (reason: Key) => void,
  ) {
    const { camera, microphone } = entry.tracks;
    this.devices = { ...entry.chosen, ...opened('camera', camera), ...opened('microphone', microphone) };
    setLogLevel('warn');
    this.room = new Room(roomOptions(entry, cameraSize(phone)));
    this.chat = new Chat(this.room, (line) => this.notices.tell(t('notice.chat', { name: line.name })));
    this.sound = new Sound(this.room);
    this.pictures = new Pictures(this.room);
    this.pictures.save(this.saving);
    this.sending = new Sending(
      this.room,
      this.saving,
      () => this.notices.tell(t('saving.refused')),
      () => void this.inTurn('camera', () => this.refit()),
    );
    this.backdrop = new Backdrop(
      this.room,
      entry.blur,
      () => this.notices.tell(t('blur.driver')),
      () => this.reopen(),
    );
    this.listen();
  }

  get people(): Member[] {
    return this.members.filter((one) => !one.composed);
  }

  get me(): Member | undefined {
    return this.members[0];
  }

  async join(): Promise<void> {
    const { pass, tracks } = this.entry;
    const connected = this.room.connect(pass.url, pass.token);
    // From now on nothing else switches them: a second track of the same kind would obey nobody.
    const given = (['microphone', 'camera'] as const).filter((input) => tracks[input] !== null);
    const published = given.map((input) =>
      this.inTurn(input, () =>
        connected.then(
          () => this.publish(tracks[input]),
          () => undefined,
        ),
      ),
    );
    try {
      await connected;
    } catch (error) {
      stopAll(tracks.camera, tracks.microphone);
      this.finish(joinFailureText(error));
      return;
    }
    this.link = 'steady';
    this.redraw();
    await Promise.all(published);
  }

  /** Whether the camera of this member has a place on the screen, or its letter alone: as its viewer wishes. */
  draws(member: Member): boolean {
    return member.local || (this.saving !== 'sound' && this.pictures.wishes[member.identity] !== 'none');
  }

  /** Figures of this call, counted until they are closed. */
  statistics(): Statistics {
    return new Statistics(
      this.room,
      () => this.members,
      () => this.saving !== 'full',
    );
  }

  async leave(): Promise<void> {
    this.finish('left.self');
    await this.room.disconnect();
  }

  /** For a page that goes away by itself; tells nobody. */
  close(): void {
    this.timers.forEach(clearTimeout);
    clearTimeout(this.redrawTimer);
    clearTimeout(this.arrivalTimer);
    clearTimeout(this.bannerTimer);
    this.room.removeAllListeners();
    this.chat.close();
    this.sound.close();
    this.pictures.close();
    this.backdrop.close();
    this.notices.close();
    void this.room.disconnect();
  }

  /** A second press while the first is under way does nothing. */
  turn(input: Input, on: boolean): Promise<void> {
    return this.busy[input] ? this.turning[input] : this.inTurn(input, () => this.turnNow(input, on));
  }

  /** When the switch that is under way, if any, has ended. */
  settled(input: Input): Promise<void> {
    return this.turning[input];
  }

  async share(on: boolean): Promise<void> {
    this.busy.screen = true;
    try {
      await this.room.localParticipant.setScreenShareEnabled(on, {
        audio: true,
        contentHint: 'detail',
        selfBrowserSurface: 'exclude',
        surfaceSwitching: 'include',
      });
    } catch (error) {
      const denied = deviceFailure(error) === 'denied';
      this.notices.tell(t(denied ? 'failure.screen.denied' : 'failure.screen.unknown'));
    } finally {
      this.busy.screen = false;
      this.redraw();
    }
  }

  async raiseHand(up: boolean): Promise<void> {
    this.busy.hand = true;
    try {
      await this.room.localParticipant.setAttributes({ [HAND]: up ? String(Date.now()) : '' });
    } catch {
      this.notices.tell(t('notice.handRefused'));
    } finally {
      this.busy.hand = false;
      this.redraw();
    }
  }

  /** In `sound` the own camera goes off; nobody's camera is ever switched on by a mode. */
  async save(saving: Saving): Promise<void> {
    this.saving = saving;
    keepSaving(saving);
    this.pictures.save(saving);
    if (saving === 'sound') {
      await this.inTurn('camera', async () => {
        const on = this.room.localParticipant.isCameraEnabled || this.backdrop.held;
        if (this.saving === 'sound' && on) await this.turnNow('camera', false);
      });
    }
    await this.sending.fit(this.saving);
  }

  async filterNoise(on: boolean): Promise<void> {
    try {
      await this.sending.filterNoise(on);
    } catch (error) {
      this.notices.tell(t(failureText('microphone', deviceFailure(error))));
    }
  }

  async choose(device: Input | 'speaker', id: string): Promise<void> {
    const before = this.devices[device];
    const kinds = { camera: 'videoinput', microphone: 'audioinput', speaker: 'audiooutput' } as const;
    try {
      // A camera exactly: a mere wish weighs no more than the wish for one that faces the person, and nothing may change.
      const change = async (to: string) => void (await this.room.switchActiveDevice(kinds[device], to, device === 'camera'));
      await (device === 'speaker' ? change(id) : this.inTurn(device, () => this.change(device, () => change(id), () => change(before))));
      if (device === 'camera') await this.sending.fit(this.saving);
      this.devices[device] = id;
      remember(device, id);
    } catch (error) {
      if (device !== 'speaker') this.notices.tell(t(failureText(device, deviceFailure(error))));
    }
  }

  /** After whatever changes that device already, so that no switch meets a track that is on its way out or in. */
  private async inTurn(input: Input, change: () => Promise<void>): Promise<void> {
    while (this.busy[input]) await this.turning[input];
    this.busy[input] = true;
    const work = change();
    this.turning[input] = Promise.allSettled([work]).then(() => {
      this.busy[input] = false;
      this.redraw();
    });
    await this.turning[input];
    await work;
  }

  /** The device before it was closed for the new one: it comes back where that one does not open. */
  private async change(input: Input, forwards: () => Promise<void>, back: () => Promise<void>): Promise<void> {
    try {
      await forwards();
    } catch (error) {
      await back().catch(() => this.turnNow(input, false));
      throw error;
    }
  }

  private reopen(): Promise<void> {
    return this.inTurn('camera', async () => {
      if (this.backdrop.held) await this.turnNow('camera', true);
    });
  }

  private async refit(): Promise<void> {
    try {
      await this.sending.refit();
    } catch (error) {
      this.notices.tell(t(failureText('camera', deviceFailure(error))));
    }
  }

  private async turnNow(input: Input, on: boolean): Promise<void> {
    this.mutedByMe = input === 'microphone' && !on;
    const { localParticipant } = this.room;
    try {
      if (input === 'camera') this.backdrop.held = false;
      if (input === 'camera' && on) this.backdrop.lost = null;
      if (input === 'camera' && on && !(await this.backdrop.ready(null))) return;
      if (input === 'microphone') await localParticipant.setMicrophoneEnabled(on);
      else await this.turnCamera(on);
      remember(input === 'microphone' ? 'microphoneOn' : 'cameraOn', on ? 'yes' : 'no');
    } catch (error) {
      this.notices.tell(t(failureText(input, deviceFailure(error))));
    }
  }

  private async turnCamera(on: boolean): Promise<void> {
    const { localParticipant } = this.room;
    try {
      await localParticipant.setCameraEnabled(on);
    } catch (error) {
      // Unplugged meanwhile, for example: any other one then.
      if (!on || !this.sending.forgetCamera()) throw error;
      await localParticipant.setCameraEnabled(on);
    }
    if (on) await this.sending.opened();
  }

  private async publish(track: MediaStreamTrack | null): Promise<void> {
    if (track === null) return;
    if (track.kind === 'video' && !(await this.backdrop.ready(track))) return track.stop();
    const constraints = track.getConstraints();
    const local =
      track.kind === 'audio' ? new LocalAudioTrack(track, constraints, false) : new LocalVideoTrack(track, constraints, false);
    try {
      if (local instanceof LocalVideoTrack && !(await this.backdrop.cover(local))) return local.stop();
      const source = track.kind === 'audio' ? Track.Source.Microphone : Track.Source.Camera;
      await this.room.localParticipant.publishTrack(local, { source });
    } catch {
      local.stop();
    }
  }

  private listen(): void {
    REDRAWN_BY.forEach((event) => this.room.on(event, () => this.redrawSoon()));
    this.room
      .on(RoomEvent.ParticipantConnected, (who) => this.moved('joined', who))
      .on(RoomEvent.ParticipantDisconnected, (who) => this.left(who))
      .on(RoomEvent.ActiveSpeakersChanged, (speakers) => this.heard(speakers))
      .on(RoomEvent.ParticipantAttributesChanged, (changed, who) => this.handChanged(changed, who))
      .on(RoomEvent.TrackPublished, (publication, who) => {
        if (publication.source === Track.Source.ScreenShare) this.notices.tell(t('notice.sharing', { name: nameOf(who) }));
      })
      .on(RoomEvent.TrackMuted, (publication, who) => {
        const mine = who.isLocal && publication.source === Track.Source.Microphone;
        if (mine && !this.mutedByMe) this.notices.tell(t('notice.muted'));
      })
      .on(RoomEvent.TrackSubscriptionFailed, (sid, _, reason) => {
        if (reason === SubscriptionError.SE_CODEC_UNSUPPORTED) this.undecoded.add(sid);
        this.redrawSoon();
      })
      .on(RoomEvent.TrackSubscribed, (_, publication) => this.undecoded.delete(publication.trackSid))
      .on(RoomEvent.TrackUnpublished, (publication) => this.undecoded.delete(publication.trackSid))
      .on(RoomEvent.ConnectionStateChanged, (state) => this.follow(state))
      .on(RoomEvent.Disconnected, (reason) => this.disconnected(reason));
  }

  private left(who: Participant): void {
    this.order.forget(who.identity);
    this.lastSpoke.delete(who.identity);
    this.moved('left', who);
  }

  private moved(how: 'joined' | 'left', who: Participant): void {
    if (!isComposed(who)) this.notices.moved(how, nameOf(who));
  }

  private handChanged(changed: Record<string, string>, who: Participant): void {
    if (!who.isLocal && (changed[HAND] ?? '') !== '') this.notices.tell(t('notice.hand', { name: nameOf(who) }));
  }

  private heard(speakers: Participant[]): void {
    const now_ms = Date.now();
    speakers.forEach((speaker) => this.lastSpoke.set(speaker.identity, now_ms));
    const loudest = speakers.find((speaker) => !speaker.isLocal)?.identity ?? null;
    this.floor = this.order.next(loudest, now_ms);
    if (loudest !== null && this.floor !== loudest) this.later(1_600, () => this.heard(this.room.activeSpeakers));
  }

  private follow(state: ConnectionState): void {
    clearTimeout(this.bannerTimer);
    if (this.link === 'joining' || this.link === 'ended') return;
    if (state === ConnectionState.Connected) {
      if (this.link !== 'steady') this.notices.tell(t('banner.back'));
      this.link = 'steady';
    } else if (state === ConnectionState.Reconnecting) {
      this.link = 'media-lost';
    } else if (state === ConnectionState.SignalReconnecting) {
      this.bannerTimer = setTimeout(() => this.signalLost(), this.link === 'steady' ? BANNER_AFTER_MS : 0);
    }
  }

  /** The banner may say that picture and sound go on only while that is true. */
  private signalLost(): void {
    this.link = mediaFlows(this.room) ? 'signal-lost' : 'media-lost';
    this.bannerTimer = setTimeout(() => this.signalLost(), CHECK_MS);
  }

  private disconnected(reason: DisconnectReason | undefined): void {
    if (this.link !== 'joining') this.finish(leavingText(reason));
  }

  private finish(reason: Key): void {
    if (this.link === 'ended') return;
    clearTimeout(this.bannerTimer);
    this.link = 'ended';
    this.ended(reason);
  }

  private redrawSoon(): void {
    this.redrawTimer ??= setTimeout(() => this.redraw(), REDRAW_MS);
  }

  private redraw(): void {
    clearTimeout(this.redrawTimer);
    this.redrawTimer = undefined;
    const now_ms = performance.now();
    this.members = membersOf(this.room, this.undecoded, this.arrivals.waiting(this.room, this.undecoded, now_ms));
    this.pictures.apply();
    const next_ms = this.arrivals.next_ms(now_ms);
    clearTimeout(this.arrivalTimer);
    if (next_ms !== null) this.arrivalTimer = setTimeout(() => this.redraw(), next_ms);
  }

  private later(delay_ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      act();
    }, delay_ms);
    this.timers.add(timer);
  }
}

function roomOptions(entry: Entry, resolution: VideoResolution): RoomOptions {
  const { camera, microphone, speaker } = entry.chosen;
  return {
    adaptiveStream: { pixelDensity: 'screen', pauseVideoInBackground: false },
    dynacast: true,
    videoCaptureDefaults: {
      resolution,
      ...(camera === '' ? { facingMode: 'user' as const } : { deviceId: { ideal: camera } }),
    },
    audioCaptureDefaults: {
      echoCancellation: true,
      noiseSuppression: recall('noiseFilter') !== 'no',
      autoGainControl: true,
      ...(microphone === '' ? {} : { deviceId: { ideal: microphone } }),
    },
    audioOutput: speaker === '' ? {} : { deviceId: speaker },
    publishDefaults: {
      videoCodec: 'vp8',
      simulcast: true,
      videoSimulcastLayers: [VideoPresets.h180, VideoPresets.h360],
      dtx: true,
    },
  };
}

function opened(input: Input, track: MediaStreamTrack | null): Partial<Record<Input, string>> {
  const id = track?.getSettings().deviceId;
  return id === undefined ? {} : { [input]: id };
}

function nameOf(participant: Participant): string {
  return participant.name || participant.identity;
}

function stopAll(...tracks: (MediaStreamTrack | null)[]): void {
  tracks.forEach((track) => track?.stop());
}
