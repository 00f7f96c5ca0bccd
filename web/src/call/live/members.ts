/** One picture of who is in the conference, taken from the client library; screens draw it and nothing else. */
import { ConnectionQuality, ParticipantEvent, Track, type LocalParticipant, type Participant, type Room, type TrackPublication } from 'livekit-client';

/** The own way to the server. */
export type Link = 'joining' | 'steady' | 'signal-lost' | 'media-lost' | 'ended';

export interface Member {
  identity: string;
  name: string;
  local: boolean;
  microphone: boolean;
  /** The picture to attach, or null when there is none to show. */
  camera: TrackPublication | null;
  screen: TrackPublication | null;
  /** The server does not send them now: the way here is too narrow. */
  starved: { camera: boolean; screen: boolean };
  /** They come in no codec that this browser decodes, and nothing shows them instead. */
  undecoded: { camera: boolean; screen: boolean };
  /** The server has no place for them in what it sends here, until others go. */
  waiting: { camera: boolean; screen: boolean };
  speaking: boolean;
  /** When the hand was raised (ms since 1970 by the server's clock), 0 when it is down. */
  hand_ms: number;
  /** When a host asked for the microphone to be switched on, 0 when nobody did or it was answered. */
  asked_ms: number;
  /** Decides about the meeting, by the server's word. */
  host: boolean;
  quality: ConnectionQuality;
  /** No person: the one picture of all halls, for a browser that does not decode theirs. */
  composed: boolean;
}

/** Identity of the composed picture. The server gives it to no other participant. */
const COMPOSED = 'hall_program';
/** Begins the identity of each hall terminal, and of no other participant. */
const HALL = 'hall_terminal.';

/** Attributes of a participant that the server alone writes; the values of the first two are times in ms. */
export const HAND = 'hand';
export const UNMUTE_ASKED = 'diemcau.unmuteAsked';
const HOST = 'diemcau.host';

/** `undecoded`: sids of tracks that the server could give in no codec of ours; `waiting`: of those that have no place yet. */
export function membersOf(room: Room, undecoded: ReadonlySet<string>, waiting: ReadonlySet<string>): Member[] {
  const others = [...room.remoteParticipants.values()];
  const lacking = others.some(isComposed) ? new Set<string>() : undecoded;
  return [room.localParticipant, ...others].map((one) => member(one, lacking, waiting));
}

/** What the server said of everybody's line before the way to it was lost holds no longer; `stalled`: nothing comes at all. */
export function linkedBy(link: Link, members: Member[], stalled = false): Member[] {
  if (link !== 'signal-lost' && link !== 'media-lost' && !stalled) return members;
  const own = link === 'media-lost' ? ConnectionQuality.Lost : ConnectionQuality.Unknown;
  const silent = stalled || link === 'media-lost';
  return members.map((one) => ({ ...one, quality: one.local ? own : ConnectionQuality.Unknown, speaking: one.speaking && !silent }));
}

function member(participant: Participant, undecoded: ReadonlySet<string>, waiting: ReadonlySet<string>): Member {
  const isIn = (sids: ReadonlySet<string>, publication: TrackPublication | null) => publication !== null && sids.has(publication.trackSid);
  const camera = shown(participant.getTrackPublication(Track.Source.Camera));
  const screen = shown(participant.getTrackPublication(Track.Source.ScreenShare));
  return {
    identity: participant.identity,
    name: participant.name || participant.identity,
    local: participant.isLocal,
    microphone: participant.isMicrophoneEnabled,
    camera,
    screen,
    starved: { camera: isStarved(camera), screen: isStarved(screen) },
    undecoded: { camera: isIn(undecoded, camera), screen: isIn(undecoded, screen) },
    waiting: { camera: isIn(waiting, camera), screen: isIn(waiting, screen) },
    speaking: participant.isSpeaking,
    hand_ms: handTime(participant.attributes[HAND]),
    asked_ms: handTime(participant.attributes[UNMUTE_ASKED]),
    host: participant.attributes[HOST] === '1',
    quality: participant.connectionQuality,
    composed: isComposed(participant),
  };
}

export function isComposed(participant: Participant): boolean {
  return !participant.isLocal && participant.identity === COMPOSED;
}

function shown(publication: TrackPublication | undefined): TrackPublication | null {
  return publication === undefined || publication.isMuted ? null : publication;
}

function isStarved(publication: TrackPublication | null): boolean {
  return publication?.track?.streamState === Track.StreamState.Paused;
}

/** Attributes come from other people's browsers: anything but a plausible time counts as a hand down. */
export function handTime(value: string | undefined): number {
  const time_ms = Number(value ?? '');
  return Number.isSafeInteger(time_ms) && time_ms > 0 ? time_ms : 0;
}

/** Counts the hall terminals. */
export function hallsAmong(members: readonly Member[]): number {
  return members.filter((one) => one.identity.startsWith(HALL)).length;
}

/** Raised hands, first come first. */
export function handQueue(members: readonly Member[]): Member[] {
  return members.filter((one) => one.hand_ms > 0).sort((a, b) => a.hand_ms - b.hand_ms);
}

/** The server says since when: the client library, which waits for its own value, is not waited for. */
export async function mark(localParticipant: LocalParticipant, name: string, on: boolean): Promise<void> {
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
