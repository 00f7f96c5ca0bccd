/**
 * One live conference as the page sees it: joins, publishes, and turns the client library's events into state that
 * screens draw. Signalling and media are separate here: losing the socket changes the banner, never a track.
 */
import {
  ConnectionState,
  DefaultReconnectPolicy,
  LocalAudioTrack,
  LocalVideoTrack,
  ParticipantEvent,
  Room,
  RoomEvent,
  SubscriptionError,
  Track,
  TrackEvent,
  VideoPresets,
  setLogLevel,
  type DisconnectReason,
  type LocalTrack,
  type LocalTrackPublication,
  type Participant,
  type RoomOptions,
  type VideoResolution,
} from 'livekit-client';
import { deviceFailure, failureText } from '../../devices/failure';
import { t } from '../../i18n/call.svelte';
import type { Key } from '../../i18n/index.svelte';
import { recall, remember } from '../../browser/memory';
import type { Entry } from '../../pages/Prejoin.svelte';
import { Anew, isPublished } from '../media/renewal';
import { Arrivals } from './arrivals';
import { Backdrop } from '../media/backdrop.svelte';
import { Chat } from './chat.svelte';
import { CHECK_MS, mediaFlows } from './flow';
import { joinFailureText, leavingText } from './leaving';
import { HAND, handTime, isComposed, linkedBy, membersOf, UNMUTE_ASKED, type Link, type Member } from './members';
import { Line } from './line.svelte';
import { MutedTalk } from '../media/mutedtalk.svelte';
import { Notices } from './notices.svelte';
import { Floor } from './order';
import { Pictures } from '../media/pictures.svelte';
import { cameraSize, keepSaving, recalledSaving, type Saving } from '../media/saving';
import { Sending } from '../media/sending.svelte';
import { Sharing } from '../media/sharing.svelte';
import { Sound } from '../media/sound.svelte';
import { Statistics } from './statistics.svelte';

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
  link = $state<Link>('joining');
  private found = $state.raw<Member[]>([]);
  readonly members = $derived(linkedBy(this.link, this.found, this.stalled));
  /** Who holds the main picture. */
  floor = $state<string | null>(null);
  busy = $state<Record<Input | 'hand', boolean>>({ microphone: false, camera: false, hand: false });
  devices = $state({ camera: '', microphone: '', speaker: '' });
  saving = $state<Saving>(recalledSaving());

  readonly notices = new Notices();
  readonly mutedTalk = new MutedTalk();
  readonly chat: Chat;
  readonly sound: Sound;
  readonly pictures: Pictures;
  readonly sending: Sending;
  readonly sharing: Sharing;
  readonly backdrop: Backdrop;
  /** When somebody last spoke, by identity, in ms. */
  readonly lastSpoke = new Map<string, number>();
  private readonly room: Room;
  private readonly line: Line;
  private readonly anew: Anew;
  private readonly order = new Floor();
  private readonly undecoded = new Set<string>();
  private readonly arrivals = new Arrivals();
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();
  private redrawTimer: ReturnType<typeof setTimeout> | undefined;
  private arrivalTimer: ReturnType<typeof setTimeout> | undefined;
  private bannerTimer: ReturnType<typeof setTimeout> | undefined;
  private mutedByMe = false;
  /** What was pressed last and is not so yet. */
  private wishes = $state.raw<Record<Input, { readonly on: boolean } | null>>({ microphone: null, camera: null });
  /** What was opened last, on its way to the others or there. */
  private readonly sent: Record<Input, LocalTrack | null> = { microphone: null, camera: null };
  /** The call is made anew: others seem to go, come and share. */
  private returning = false;
  /** The end of all that changes a device, one after the other. */
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
    this.anew = new Anew(this.room);
    this.line = new Line(this.room);
    this.chat = new Chat(this.room, (line) => this.notices.wrote(line));
    this.sound = new Sound(this.room);
    this.pictures = new Pictures(this.room);
    this.pictures.save(this.saving);
    this.sending = new Sending(
      this.room,
      this.saving,
      () => this.notices.tell(t('saving.refused'), true),
      () => void this.inTurn('camera', () => this.refit()),
    );
    this.sharing = new Sharing(this.room, this.anew, (text) => this.notices.tell(t(text)));
    this.backdrop = new Backdrop(
      this.room,
      entry.blur,
      () => this.notices.tell(t('blur.driver')),
      () => this.reopen(),
    );
    this.listen();
  }

  /** Nothing comes from the server, although the call has not been given up yet. */
  get stalled(): boolean {
    return this.line.stalled && (this.link === 'steady' || this.link === 'signal-lost');
  }

  /** What is seen and heard is of before. */
  get cut(): boolean {
    return this.stalled || this.link === 'media-lost';
  }

  /** Listens to the own microphone while it is off and its device is open. */
  heedMuted(): void {
    const { microphone } = this.sent;
    const source = microphone === null || microphone.isStopped || this.isOn('microphone') ? null : (sourcesOf(microphone)[0] ?? null);
    this.mutedTalk.listen(source, () => this.members.some((one) => one.speaking && !one.local));
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
    const wish = (track: MediaStreamTrack | null) => track && { on: true };
    this.wishes = { microphone: wish(tracks.microphone), camera: wish(tracks.camera) };
    // Whoever switches them waits for that: a second track of the same kind would obey nobody.
    const published = (['microphone', 'camera'] as const).map((input) =>
      this.inTurn(input, () =>
        this.fulfil(input, () =>
          connected.then(
            () => this.publish(input, tracks[input]),
            () => undefined,
          ),
        ),
      ),
    );
    try {
      await connected;
    } catch (error) {
      this.finish(joinFailureText(error));
      return;
    }
    if (this.link === 'joining') this.link = 'steady';
    this.redraw();
    await Promise.all(published);
  }

  /** Whether the camera of this member has a place on the screen, or its letter alone: as its viewer wishes. */
  draws(member: Member): boolean {
    return member.local || (this.saving !== 'sound' && this.pictures.wishes[member.identity] !== 'none');
  }

  /** Of each picture of another one: whether it is received where it is shown. */
  private received(member: Member): boolean[] {
    if (member.local) return [];
    const screen = member.screen === null ? [] : [this.saving !== 'sound' || this.pictures.watching];
    return member.camera === null ? screen : [this.draws(member), ...screen];
  }

  /** Figures of this call, counted until they are closed. */
  statistics(): Statistics {
    return new Statistics(
      this.room,
      () => this.members,
      () => this.saving !== 'full',
      () => ({ own: this.sending.wanted, others: this.members.flatMap((one) => this.received(one)) }),
    );
  }

  async leave(): Promise<void> {
    this.finish('left.self');
    await this.room.disconnect();
  }

  /** For a page that goes away by itself; tells nobody. */
  close(): void {
    this.end();
    this.timers.forEach(clearTimeout);
    clearTimeout(this.redrawTimer);
    clearTimeout(this.arrivalTimer);
    clearTimeout(this.bannerTimer);
    this.room.removeAllListeners();
    this.line.close();
    this.mutedTalk.close();
    this.chat.close();
    this.sound.close();
    this.pictures.close();
    this.backdrop.close();
    this.notices.close();
    void this.room.disconnect();
  }

  /** As it was pressed last; otherwise as the others have it, or are to have it again once the way to them is made anew. */
  isOn(input: Input): boolean {
    const { me, link } = this;
    const sent = this.sent[input];
    const published = input === 'camera' ? me?.camera != null : me?.microphone === true;
    const republished = link === 'media-lost' && sent !== null && !sent.isStopped && !sent.isMuted;
    return this.wishes[input]?.on ?? (published || republished);
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

  async raiseHand(up: boolean): Promise<void> {
    this.busy.hand = true;
    try {
      await this.mark(HAND, up);
    } catch {
      this.notices.tell(t('notice.handRefused'));
    } finally {
      this.busy.hand = false;
      this.redraw();
    }
  }

  /** What a host has asked. The microphone is the person's: it goes on only here. */
  async answerUnmute(on: boolean): Promise<void> {
    const told = this.mark(UNMUTE_ASKED, false).catch(() => undefined);
    if (on) await this.turn('microphone', true);
    await told;
  }

  /** The server says since when: the client library, which waits for its own value, is not waited for. */
  private async mark(name: string, on: boolean): Promise<void> {
    const { localParticipant } = this.room;
    const stop = new AbortController();
    const done = new Promise<void>((resolve) => {
      const look = () => {
        if ((handTime(localParticipant.attributes[name]) > 0) === on) resolve();
      };
      localParticipant.on(ParticipantEvent.AttributesChanged, look);
      stop.signal.addEventListener('abort', () => localParticipant.off(ParticipantEvent.AttributesChanged, look));
    });
    const asked = localParticipant.setAttributes({ [name]: on ? '1' : '' });
    try {
      await Promise.race([done, asked]);
    } finally {
      stop.abort();
      asked.catch(() => undefined);
    }
  }

  /** In `sound` the own camera goes off; nobody's camera is ever switched on by a mode. */
  async save(saving: Saving): Promise<void> {
    this.saving = saving;
    keepSaving(saving);
    this.pictures.save(saving);
    const camera = this.isOn('camera') || this.backdrop.held || this.busy.camera;
    if (saving === 'sound' && camera) await this.turn('camera', false);
    await this.sending.fit(this.saving);
  }

  async filterNoise(on: boolean): Promise<void> {
    try {
      await this.sending.filterNoise(on);
    } catch (error) {
      this.notices.tell(t(failureText('microphone', deviceFailure(error))), true);
    }
  }

  async choose(device: Input | 'speaker', id: string): Promise<void> {
    try {
      await (device === 'speaker' ? this.use(device, id) : this.inTurn(device, () => this.change(device, id)));
      if (device === 'camera') await this.sending.fit(this.saving);
    } catch (error) {
      if (device !== 'speaker') this.notices.tell(t(failureText(device, deviceFailure(error), true)), true);
    }
  }

  /** After whatever changes that device already, so that no switch meets a track that is on its way out or in. */
  private inTurn(input: Input, change: () => Promise<void>): Promise<void> {
    const work = this.turning[input].then(change, change);
    const turn = Promise.allSettled([work]).then(() => {
      if (this.turning[input] === turn) this.busy[input] = false;
      this.redraw();
    });
    this.busy[input] = true;
    this.turning[input] = turn;
    return turn.then(() => work);
  }

  /** The device before it was closed for the new one: it comes back where that one does not open. */
  private async change(input: Input, id: string): Promise<void> {
    if (this.link === 'ended') return;
    const track = this.sent[input];
    const before = track === null || track.isMuted ? undefined : await track.getDeviceId(false);
    try {
      await this.use(input, id);
    } catch (error) {
      const back = before === undefined ? Promise.reject(error) : this.switchTo(input, before);
      await back.catch(() => this.shut(input));
      throw error;
    }
  }

  private async use(device: Input | 'speaker', id: string): Promise<void> {
    await this.switchTo(device, id);
    this.devices[device] = id;
    remember(device, id);
  }

  /** A camera exactly: a mere wish weighs no more than the wish for one that faces the person, and nothing may change. */
  private async switchTo(device: Input | 'speaker', id: string): Promise<void> {
    const kinds = { camera: 'videoinput', microphone: 'audioinput', speaker: 'audiooutput' } as const;
    await this.room.switchActiveDevice(kinds[device], id, device === 'camera');
  }

  private reopen(): Promise<void> {
    return this.inTurn('camera', async () => {
      if (this.backdrop.held && this.wanted('camera')) await this.turnNow('camera', true);
    });
  }

  private async refit(): Promise<void> {
    if (this.link === 'ended') return;
    try {
      await this.sending.refit();
    } catch (error) {
      this.notices.tell(t(failureText('camera', deviceFailure(error))), true);
    }
  }

  /** False: it was switched off, or the call has ended, while it was on its way. */
  private wanted(input: Input): boolean {
    return this.link !== 'ended' && this.wishes[input]?.on !== false;
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
      this.notices.tell(t(failureText(input, deviceFailure(error), true)), true);
    }
  }

  /** Whatever the client library still does with what nobody has (again) yet: another one is opened in its place. */
  private leaveUnpublished(input: Input): void {
    const sent = this.sent[input];
    if (sent !== null && !isPublished(this.room, sent)) sent.stop();
  }

  private async shut(input: Input): Promise<void> {
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
    await this.noteCamera();
  }

  /** Which one has opened, and word of it where another one was chosen. */
  private async noteCamera(): Promise<void> {
    const { camera } = this.sent;
    const id = await camera?.getDeviceId(false);
    const chosen = this.devices.camera;
    if (id === undefined || id === chosen || camera?.isMuted !== false) return;
    this.devices.camera = id;
    if (chosen !== '') this.notices.tell(t('device.other', { name: sourcesOf(camera)[0]?.label ?? '' }), true);
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
    const isAnew = this.anew.since();
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
      if (this.link === 'ended') local.stop();
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

  private listen(): void {
    REDRAWN_BY.forEach((event) => this.room.on(event, () => this.redrawSoon()));
    this.room
      .on(RoomEvent.ParticipantConnected, (who) => this.moved('joined', who))
      .on(RoomEvent.ParticipantDisconnected, (who) => this.left(who))
      .on(RoomEvent.ActiveSpeakersChanged, (speakers) => this.heard(speakers))
      .on(RoomEvent.ParticipantAttributesChanged, (changed, who) => this.handChanged(changed, who))
      .on(RoomEvent.TrackPublished, (publication, who) => {
        if (publication.source === Track.Source.ScreenShare && !this.returning) this.notices.tell(t('notice.sharing', { name: nameOf(who) }));
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
      .on(RoomEvent.LocalTrackPublished, (publication) => this.published(publication))
      .on(RoomEvent.Reconnected, () => {
        void this.inTurn('microphone', () => this.openAgain('microphone'));
        void this.inTurn('camera', () => this.openAgain('camera'));
      })
      .on(RoomEvent.ConnectionStateChanged, (state) => this.follow(state))
      .on(RoomEvent.Disconnected, (reason) => this.disconnected(reason));
  }

  private left(who: Participant): void {
    this.order.forget(who.identity);
    this.lastSpoke.delete(who.identity);
    this.moved('left', who);
  }

  private moved(how: 'joined' | 'left', who: Participant): void {
    if (!isComposed(who) && this.link !== 'media-lost' && !this.returning) this.notices.moved(how, nameOf(who));
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
      this.later(0, () => (this.returning = false)); // whoever was there before is told of in the same breath
    } else if (state === ConnectionState.Reconnecting) {
      this.link = 'media-lost';
      this.returning = true;
      this.notices.forgetMoves(); // the client library has let everybody go a moment before
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
    this.end();
    this.ended(reason);
  }

  /** Nothing is open from here on, nor will be: what is on its way to a call that has ended would wait there for long. */
  private end(): void {
    this.link = 'ended';
    this.mutedTalk.close();
    const { camera, microphone } = this.entry.tracks;
    stopAll(camera, microphone);
    this.sent.camera?.stop();
    this.sent.microphone?.stop();
    this.sharing.close();
  }

  private redrawSoon(): void {
    this.redrawTimer ??= setTimeout(() => this.redraw(), REDRAW_MS);
  }

  private redraw(): void {
    clearTimeout(this.redrawTimer);
    this.redrawTimer = undefined;
    const now_ms = performance.now();
    this.found = membersOf(this.room, this.undecoded, this.arrivals.waiting(this.room, this.undecoded, now_ms));
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

/** Between two attempts to come back, ms, each half shorter to half longer: a server that starts again is there within a second. In all as
 *  long as the library's own ten. The first is also what a page waits whom the server asks to join again; the library makes up to 500 of 0. */
const RETRY_MS = [100, 300, 300, 600, 600, 1200, 1200, 2700, 2700, 4800, 7000, 7000, 7000, 7000, 7000];

function roomOptions(entry: Entry, resolution: VideoResolution): RoomOptions {
  const { camera, microphone, speaker } = entry.chosen;
  return {
    adaptiveStream: { pixelDensity: 'screen', pauseVideoInBackground: false },
    dynacast: true,
    reconnectPolicy: new DefaultReconnectPolicy(RETRY_MS),
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

/** Of the device itself, not what its pictures are made into. */
function sourcesOf(track: LocalTrack): MediaStreamTrack[] {
  return track.mediaStream?.getTracks() ?? [];
}
