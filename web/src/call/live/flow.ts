/** Whether media still flows, also while the signalling socket is lost: asked of the media transport itself, not of the socket. */
import type { LocalTrack, RemoteTrack, Room, TrackPublication } from 'livekit-client';

export const CHECK_MS = 1_000;

/**
 * A transport says "disconnected" some five seconds after the last answered consent check (RFC 7675). Without any
 * track there is no transport to ask, and nothing to miss either.
 */
export function mediaFlows(room: Room): boolean {
  const everybody = [room.localParticipant, ...room.remoteParticipants.values()];
  for (const participant of everybody) {
    for (const publication of participant.trackPublications.values()) {
      const state = transportState(publication);
      if (state !== undefined) return state === 'connected' || state === 'completed';
    }
  }
  return true;
}

function transportState(publication: TrackPublication): RTCIceTransportState | undefined {
  const track = publication.track as Partial<LocalTrack & RemoteTrack> | undefined;
  return (track?.sender ?? track?.receiver)?.transport?.iceTransport?.state;
}

/** What the transports of a call say of themselves. */
export interface Beat {
  /** When the last packet came; ms, by the same clock as `now_ms`; null: there is no way to the server that could be asked. */
  heard_ms: number | null;
  /** Connectivity checks (RFC 7675) that went out, less the answers that came. */
  unanswered: number;
}

/** `ask`: nothing has come for a while, and whether the server answers at all decides; `unsure`: as it was before. */
export type Verdict = 'flows' | 'unsure' | 'ask' | 'silent';

/** A call in which nobody sends anything hears the answers to connectivity checks alone: one in some 2.5 s. */
const QUIET_MS = 1_300;
/** After the browser has said that there is no network. */
const QUIET_OFFLINE_MS = 300;
const FLOWING_MS = 1_000;
/** Beyond what was unanswered while packets came: one check may be lost, or just on its way. */
const UNANSWERED = 2;
/** The page did not run for so long: what it missed meanwhile says nothing. */
const ASLEEP_MS = 2_500;

/** Whether a call is cut off, from beats that come once a second. Pure: times and counts in, a verdict out. */
export class Pulse {
  private before_ms: number | null = null;
  private since_ms = 0;
  private answered = 0;
  private flowing = 0;

  next({ heard_ms, unanswered }: Beat, now_ms: number, online: boolean): Verdict {
    const asleep = this.before_ms === null || now_ms - this.before_ms > ASLEEP_MS;
    this.before_ms = now_ms;
    if (asleep) this.since_ms = now_ms;
    if (asleep || heard_ms === null) return 'flows';
    const quiet_ms = now_ms - Math.max(heard_ms, this.since_ms);
    this.flowing = quiet_ms < FLOWING_MS ? this.flowing + 1 : 0;
    if (this.flowing >= 2) this.answered = unanswered;
    if (quiet_ms < (online ? QUIET_MS : QUIET_OFFLINE_MS)) return this.flowing < 2 ? 'unsure' : 'flows';
    return unanswered - this.answered >= UNANSWERED ? 'silent' : 'ask';
  }
}

/** Where an answer of the server is the only sign of life left. */
const ANSWER_MS = 700;
const SLOW_ANSWER_MS = 2_000;

/** How long to wait for an answer. A line whose answers take long is slow and not dead. Pure. */
export class Patience {
  private usual_ms: number | null = null;

  get most_ms(): number {
    if (this.usual_ms === null) return SLOW_ANSWER_MS;
    return Math.min(Math.max(ANSWER_MS, 3 * this.usual_ms), SLOW_ANSWER_MS);
  }

  /** The wait is longer than on a good line. */
  get slow(): boolean {
    return this.most_ms > ANSWER_MS;
  }

  answered(took_ms: number): void {
    this.usual_ms = Math.max(took_ms, (this.usual_ms ?? 0) / 2);
  }
}
