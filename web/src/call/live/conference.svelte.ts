/**
 * One live conference as the page sees it. The class joins, publishes and turns the client library's events into the state
 * that the screens draw. Signalling and media are separate here: a lost socket changes the banner, never a track.
 */
import { ConnectionState, Room, RoomEvent, SubscriptionError, Track, setLogLevel, type DisconnectReason, type Participant } from 'livekit-client';
import { Timers } from '../../browser/timers';
import { deviceFailure, failureText } from '../../devices/failure';
import { t } from '../../i18n/call.svelte';
import type { Key } from '../../i18n/index.svelte';
import { Backdrop } from '../media/backdrop.svelte';
import { Devices } from '../media/devices.svelte';
import { MutedTalk } from '../media/mutedtalk.svelte';
import { Pictures } from '../media/pictures.svelte';
import { Renewal } from '../media/renewal';
import { cameraSize, keepSaving, recalledSaving, type Saving } from '../media/saving';
import { Sending } from '../media/sending.svelte';
import { Sharing } from '../media/sharing.svelte';
import { Sound } from '../media/sound.svelte';
import { Switches, type Input, type OwnCall } from '../media/switches.svelte';
import { Arrivals } from './arrivals';
import { Chat } from './chat.svelte';
import { Ending } from '../booked/ending.svelte';
import type { Entry } from './entry';
import { CHECK_MS, mediaFlows } from './flow';
import { joinFailureText, leavingText } from './leaving';
import { Line } from './line.svelte';
import { HAND, isComposed, linkedBy, mark, membersOf, STOPPED, UNMUTE_ASKED, type Link, type Member } from './members';
import { Notices } from './notices.svelte';
import { roomOptions } from './room';
import { Speakers } from './speakers.svelte';
import { Statistics } from './statistics.svelte';
import { Reactions } from '../reacting/reactions.svelte';

/**
 * Chosen. Many events arrive at the same time: 25 people who join cause about 100 events. The screen is drawn at most ten
 * times a second. Longer: the screen lags behind. Shorter: drawing keeps the processor busy.
 */
const REDRAW_MS = 100;
/**
 * Chosen. No user notices a socket that is back within this time. Longer: the banner comes late. Shorter: the banner flashes
 * after each short loss.
 */
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
  /** The server has not confirmed the change of the hand yet. */
  raising = $state(false);
  saving = $state<Saving>(recalledSaving());
  /** Why the chair's rules do not let the user switch the microphone on now. Empty: they let the user. */
  barred = '';
  /** The meeting mutes newcomers. */
  mutesNewcomers = false;

  readonly notices = new Notices();
  readonly mutedTalk = new MutedTalk();
  readonly chat: Chat;
  readonly sound: Sound;
  readonly pictures: Pictures;
  readonly sending: Sending;
  readonly sharing: Sharing;
  readonly backdrop: Backdrop;
  readonly switches: Switches;
  readonly devices: Devices;
  readonly speakers: Speakers;
  readonly ending: Ending;
  readonly reactions: Reactions;
  private readonly room: Room;
  private readonly line: Line;
  private readonly undecoded = new Set<string>();
  private readonly arrivals = new Arrivals();
  private readonly timers = new Timers();
  private redrawTimer: ReturnType<typeof setTimeout> | undefined;
  private arrivalTimer: ReturnType<typeof setTimeout> | undefined;
  private bannerTimer: ReturnType<typeof setTimeout> | undefined;
  /** The page joins the call again. The other participants seem to leave, join and share at that time. */
  private returning = false;

  constructor(
    private readonly entry: Entry,
    phone: boolean,
    private readonly ended: (reason: Key) => void,
  ) {
    setLogLevel('warn');
    this.room = new Room(roomOptions(entry, cameraSize(phone)));
    const renewal = new Renewal(this.room);
    this.line = new Line(this.room);
    this.chat = new Chat(this.room, (line) => this.notices.wrote(line.alone === null ? line : { ...line, name: t('chat.aloneNotice', { name: line.name }) }));
    this.sound = new Sound(this.room);
    this.pictures = new Pictures(this.room);
    this.pictures.save(this.saving);
    this.sending = new Sending(
      this.room,
      this.saving,
      () => this.notices.tell(t('saving.refused'), true),
      () => void this.switches.inTurn('camera', () => this.switches.refit()),
    );
    this.sharing = new Sharing(this.room, renewal, (text) => this.notices.tell(t(text)));
    this.backdrop = new Backdrop(
      this.room,
      entry.blur,
      () => this.notices.tell(t('blur.driver')),
      () => this.switches.reopen(),
    );
    const call = this.ownCall();
    const { camera, microphone } = entry.tracks;
    const chosen = { ...entry.chosen, ...opened('camera', camera), ...opened('microphone', microphone) };
    this.switches = new Switches(this.room, renewal, this.sending, this.backdrop, call);
    this.devices = new Devices(this.room, this.switches, this.sending, () => this.saving, call, chosen);
    this.speakers = new Speakers(this.room);
    this.ending = new Ending(this.room, (text) => this.notices.tell(text));
    this.reactions = new Reactions(this.room, (reaction, name) => this.notices.moved(reaction, name));
    this.listen();
  }

  private ownCall(): OwnCall {
    return {
      ended: () => this.link === 'ended',
      mediaLost: () => this.link === 'media-lost',
      published: (input) => (input === 'camera' ? this.me?.camera != null : this.me?.microphone === true),
      barred: () => this.barred,
      mutesNewcomers: () => this.mutesNewcomers,
      changed: () => this.redraw(),
      cameraOpened: () => this.devices.noteCamera(),
      tell: (text, failure) => this.notices.tell(text, failure),
    };
  }

  /** True if no packet comes from the server, although the call has not ended. */
  get stalled(): boolean {
    return this.line.stalled && (this.link === 'steady' || this.link === 'signal-lost');
  }

  /** True if the sound and the pictures on the screen are old. */
  get cut(): boolean {
    return this.stalled || this.link === 'media-lost';
  }

  /** Watch the user's own microphone for speech while it is off and its device is open. */
  heedMuted(): void {
    this.mutedTalk.listen(this.switches.silenced(), () => this.members.some((one) => one.speaking && !one.local));
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
    const published = this.switches.sendOpened(tracks, connected);
    try {
      await connected;
    } catch (error) {
      this.finish(joinFailureText(error));
      return;
    }
    if (this.link === 'joining') this.link = 'steady';
    this.redraw();
    await published;
  }

  /** Report whether the camera of this member is drawn, or only the first letter of the name. The viewer decides. */
  draws(member: Member): boolean {
    return member.local || (this.saving !== 'sound' && this.pictures.wishes[member.identity] !== 'none');
  }

  /** Report for each picture of another member whether this page receives the picture when it is shown. */
  private received(member: Member): boolean[] {
    if (member.local) return [];
    const screen = member.screen === null ? [] : [this.saving !== 'sound' || this.pictures.watching];
    return member.camera === null ? screen : [this.draws(member), ...screen];
  }

  /** Return the figures of this call. They are counted until the caller closes them. */
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

  /** Close the call for a page that goes away by itself. The person gets no message. */
  close(): void {
    this.end();
    this.timers.close();
    this.speakers.close();
    this.reactions.close();
    clearTimeout(this.redrawTimer);
    clearTimeout(this.arrivalTimer);
    clearTimeout(this.bannerTimer);
    this.room.removeAllListeners();
    this.line.close();
    this.mutedTalk.close();
    this.sound.close();
    this.pictures.close();
    this.backdrop.close();
    this.notices.close();
    void this.room.disconnect();
  }

  async raiseHand(up: boolean): Promise<void> {
    this.raising = true;
    try {
      await mark(this.room.localParticipant, HAND, up);
    } catch {
      this.notices.tell(t('notice.handRefused'));
    } finally {
      this.raising = false;
      this.redraw();
    }
  }

  /** Change the kind of the request to speak. The request keeps its time, so the client library sees no answer. */
  askAs(kind: string): void {
    void this.room.localParticipant.setAttributes({ [HAND]: kind }).catch(() => undefined);
  }

  /** Answer a host's request to switch the microphone on. Only this answer of the person switches the microphone on. */
  async answerUnmute(on: boolean): Promise<void> {
    const told = mark(this.room.localParticipant, UNMUTE_ASKED, false).catch(() => undefined);
    if (on) await this.switches.turn('microphone', true);
    await told;
  }

  /** Set the mode of data saving. `sound` switches the user's own camera off. No mode switches a camera on. */
  async save(saving: Saving): Promise<void> {
    this.saving = saving;
    keepSaving(saving);
    this.pictures.save(saving);
    const camera = this.switches.isOn('camera') || this.backdrop.held || this.switches.busy.camera;
    if (saving === 'sound' && camera) await this.switches.turn('camera', false);
    await this.sending.fit(this.saving);
  }

  async filterNoise(on: boolean): Promise<void> {
    try {
      await this.sending.filterNoise(on);
    } catch (error) {
      this.notices.tell(t(failureText('microphone', deviceFailure(error))), true);
    }
  }

  private listen(): void {
    REDRAWN_BY.forEach((event) => this.room.on(event, () => this.redrawSoon()));
    this.room
      .on(RoomEvent.ParticipantConnected, (who) => this.moved('joined', who))
      .on(RoomEvent.ParticipantDisconnected, (who) => this.moved('left', who))
      .on(RoomEvent.ParticipantAttributesChanged, (changed, who) => this.handChanged(changed, who))
      .on(RoomEvent.TrackPublished, (publication, who) => {
        if (publication.source === Track.Source.ScreenShare && !this.returning) this.notices.tell(t('notice.sharing', { name: nameOf(who) }));
      })
      .on(RoomEvent.TrackMuted, (publication, who) => {
        const mine = who.isLocal && publication.source === Track.Source.Microphone;
        if (mine && !this.switches.mutedByMe) this.notices.tell(t('notice.muted'));
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

  private moved(how: 'joined' | 'left', who: Participant): void {
    if (!isComposed(who) && this.link !== 'media-lost' && !this.returning) this.notices.moved(how, nameOf(who));
  }

  private handChanged(changed: Record<string, string>, who: Participant): void {
    if (!who.isLocal && (changed[HAND] ?? '') !== '') this.notices.tell(t('notice.hand', { name: nameOf(who) }));
  }

  private follow(state: ConnectionState): void {
    clearTimeout(this.bannerTimer);
    if (this.link === 'joining' || this.link === 'ended') return;
    if (state === ConnectionState.Connected) {
      if (this.link !== 'steady') this.notices.tell(t('banner.back'));
      this.link = 'steady';
      // the library reports the earlier participants in the same task as the connection
      this.timers.later(0, () => (this.returning = false));
    } else if (state === ConnectionState.Reconnecting) {
      this.link = 'media-lost';
      this.returning = true;
      this.notices.forgetMoves(); // the library reported all participants as gone just before this state
    } else if (state === ConnectionState.SignalReconnecting) {
      this.bannerTimer = setTimeout(() => this.signalLost(), this.link === 'steady' ? BANNER_AFTER_MS : 0);
    }
  }

  /** Set the link state again every second. The banner may say that picture and sound go on only while that is true. */
  private signalLost(): void {
    this.link = mediaFlows(this.room) ? 'signal-lost' : 'media-lost';
    this.bannerTimer = setTimeout(() => this.signalLost(), CHECK_MS);
  }

  private disconnected(reason: DisconnectReason | undefined): void {
    const stopped = this.room.localParticipant.attributes[STOPPED] !== undefined;
    if (this.link !== 'joining') this.finish(stopped ? 'left.stopped' : leavingText(reason));
  }

  private finish(reason: Key): void {
    if (this.link === 'ended') return;
    clearTimeout(this.bannerTimer);
    this.end();
    this.ended(reason);
  }

  /**
   * End the call. No device is open after this call, and none opens later. The devices do not close in turn with the changes
   * of the switches (`inTurn`). Such a change may wait for an answer over the ended connection, and the answer may never arrive.
   */
  private end(): void {
    this.link = 'ended';
    this.mutedTalk.close();
    const { camera, microphone } = this.entry.tracks;
    stopAll(camera, microphone);
    this.switches.close();
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
