/** The list of all participants in the conference, taken from the client library. Screens draw this list and nothing else. */
import { ConnectionQuality, ParticipantEvent, Track, type LocalParticipant, type Participant, type Room, type TrackPublication } from 'livekit-client';

/** The state of this page's connection to the server. */
export type Link = 'joining' | 'steady' | 'signal-lost' | 'media-lost' | 'ended';

export interface Member {
  identity: string;
  name: string;
  local: boolean;
  microphone: boolean;
  /** The picture to attach. Null: there is none to show. */
  camera: TrackPublication | null;
  screen: TrackPublication | null;
  /** The server does not send the pictures now, because the downlink is too narrow. */
  starved: { camera: boolean; screen: boolean };
  /** This browser cannot decode the codec of the pictures, and no composed picture shows them. */
  undecoded: { camera: boolean; screen: boolean };
  /** The server has no place for the pictures in its sending to this page. They wait until other pictures end. */
  waiting: { camera: boolean; screen: boolean };
  speaking: boolean;
  /** How loud the member speaks, 0 to 1. */
  level: number;
  /** The time at which the hand was raised, in ms since 1970 by the server's clock. 0: the hand is down. */
  hand_ms: number;
  /** The time at which a host asked for the microphone to be switched on. 0: no host asked, or the person answered. */
  asked_ms: number;
  /** True for a participant in the lobby, and for a hall that waits, muted, for the opening of the meeting. */
  waits: boolean;
  /** True for a host, as the server says. */
  host: boolean;
  /** The time since which the chair shows this member large to everybody. 0: the chair does not. */
  stage_ms: number;
  /** The role of a host in a booked meeting. Empty: no host, or the meeting is not booked. */
  role: Role | '';
  /** The unit for which the member comes, by its short name. Empty: unknown. */
  unit: string;
  quality: ConnectionQuality;
  /**
   * True for the composed picture of all halls, which is no person. It is for a browser that does not decode the halls'
   * pictures.
   */
  composed: boolean;
}

/** Identity of the composed picture. The server gives it to no other participant. */
const COMPOSED = 'hall_program';
/** Prefix of the identity of each hall terminal, and of no other participant. */
const HALL = 'hall_terminal.';

/** Attributes of a participant that only the server writes. The values of the first three are times in ms. */
export const HAND = 'hand';
export const UNMUTE_ASKED = 'diemcau.unmuteAsked';
const WAITS = 'diemcau.waits';
/** The server sets it just before it removes a participant, because the meeting was stopped for secret content. */
export const STOPPED = 'diemcau.stopped';
const HOST = 'diemcau.host';
const STAGE = 'diemcau.stage';
const ROLE = 'diemcau.role';
const UNIT = 'diemcau.unit';

const ROLES = ['chair', 'secretary', 'operator'] as const;
export type Role = (typeof ROLES)[number];

/**
 * Return all members. `undecoded` holds the sids of tracks that the server cannot give in a codec of this browser. `waiting`
 * holds the sids of tracks that have no place yet.
 */
export function membersOf(room: Room, undecoded: ReadonlySet<string>, waiting: ReadonlySet<string>): Member[] {
  const others = [...room.remoteParticipants.values()];
  const lacking = others.some(isComposed) ? new Set<string>() : undecoded;
  return [room.localParticipant, ...others].map((one) => member(one, lacking, waiting));
}

/**
 * Return the members without the server's old reports on their lines, once the connection to the server is lost. `stalled`:
 * no packet comes at all.
 */
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
    level: participant.audioLevel,
    hand_ms: handTime(participant.attributes[HAND]),
    asked_ms: handTime(participant.attributes[UNMUTE_ASKED]),
    waits: handTime(participant.attributes[WAITS]) > 0,
    host: participant.attributes[HOST] === '1',
    stage_ms: handTime(participant.attributes[STAGE]),
    role: roleOf(participant.attributes),
    unit: participant.attributes[UNIT] ?? '',
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

/**
 * Return the time of a raised hand. Attributes come from other people's browsers: any value that is not a plausible time
 * counts as a hand down.
 */
export function handTime(value: string | undefined): number {
  const time_ms = Number(value ?? '');
  return Number.isSafeInteger(time_ms) && time_ms > 0 ? time_ms : 0;
}

/** Return the role of a host. A host of a meeting that is not booked is the chair. */
function roleOf(attributes: Record<string, string>): Role | '' {
  if (attributes[HOST] !== '1') return '';
  return ROLES.find((one) => one === attributes[ROLE]) ?? 'chair';
}

/** A part of the list of people: the people who lead, a unit, the halls, or all others. */
export interface Group {
  kind: 'lead' | 'unit' | 'halls' | 'others';
  /** The name of the unit. Empty for the other kinds. */
  name: string;
  members: Member[];
}

/**
 * Return the members by unit: first the people who lead, then the units by name, then the halls, then people without a unit.
 * Without two units there is one group.
 */
export function groupsOf(members: readonly Member[]): Group[] {
  const units = new Map<string, Member[]>();
  const [lead, halls, others]: [Member[], Member[], Member[]] = [[], [], []];
  for (const one of members) {
    if (one.role === 'chair' || one.role === 'secretary') lead.push(one);
    else if (one.unit !== '') units.set(one.unit, [...(units.get(one.unit) ?? []), one]);
    else (isHall(one.identity) ? halls : others).push(one);
  }
  if (units.size < 2) return [{ kind: 'others', name: '', members: [...members] }];
  const byName = [...units].sort(([one], [other]) => one.localeCompare(other, 'vi', { numeric: true }));
  const all: Group[] = [
    { kind: 'lead', name: '', members: lead.sort((one, other) => ROLES.indexOf(one.role as Role) - ROLES.indexOf(other.role as Role)) },
    ...byName.map(([name, of]) => ({ kind: 'unit' as const, name, members: of })),
    { kind: 'halls', name: '', members: halls },
    { kind: 'others', name: '', members: others },
  ];
  return all.filter((one) => one.members.length > 0);
}

/** Report whether an identity is that of a hall terminal. */
export function isHall(identity: string): boolean {
  return identity.startsWith(HALL);
}

/** Return the number of hall terminals. */
export function hallsAmong(members: readonly Member[]): number {
  return members.filter((one) => isHall(one.identity)).length;
}

/** Return the members with a raised hand, the earliest first. */
export function handQueue(members: readonly Member[]): Member[] {
  return members.filter((one) => one.hand_ms > 0).sort((a, b) => a.hand_ms - b.hand_ms);
}

/**
 * Ask the server to set or clear an attribute. The server writes its own time as the value. The client library waits for the
 * value that it sent, so this function does not wait for the library.
 */
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
