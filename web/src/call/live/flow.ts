/**
 * Checks whether media still flows, also while the signalling socket is lost. The media transports are read, not the socket.
 */
import type { LocalTrack, RemoteTrack, Room, TrackPublication } from 'livekit-client';

/**
 * Milliseconds between two checks whether media flows. Chosen. Longer: a dead line is shown later. Shorter: more work for
 * the browser.
 */
export const CHECK_MS = 1_000;

/**
 * Report whether media flows. A transport says "disconnected" about five seconds after the last answered consent check (RFC
 * 7675). Without any track there is no transport to read, and the user misses nothing either.
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

/** The state of the transports of a call, read once a second. */
export interface Beat {
  /** The time of the last packet, in ms of the same clock as `now_ms`. Null: no transport to the server exists. */
  heard_ms: number | null;
  /** Connectivity checks (RFC 7675) that were sent, minus the answers that came. */
  unanswered: number;
}

/** `ask`: no packet came for a while, and a request to the server decides. `unsure`: the last verdict stays. */
export type Verdict = 'flows' | 'unsure' | 'ask' | 'silent';

/**
 * Chosen. In a call without media, only the answers to connectivity checks arrive, about one each 2.5 s. Longer: a dead line
 * is noticed later. Shorter: a quiet call sends more requests to the server.
 */
const QUIET_MS = 1_300;
/** The same limit after the browser said that there is no network. */
const QUIET_OFFLINE_MS = 300;
/**
 * Milliseconds. Media flows if a packet came within this time at two checks in a row. Chosen. Longer: a line that just died
 * still counts as good. Shorter: a quiet line does not count as good.
 */
const FLOWING_MS = 1_000;
/**
 * Chosen. Checks without an answer, above the number that was open while packets came. Smaller: one lost or delayed check
 * counts as a cut. Larger: a dead line is noticed later.
 */
const UNANSWERED = 2;
/**
 * Chosen. A beat comes once a second. After a gap longer than this, the page was suspended and the silence proves nothing.
 * Larger: a page that wakes shows a false cut. Smaller: a slow page never finds a cut.
 */
const ASLEEP_MS = 2_500;

/** Decides whether a call is cut off, from beats that come once a second. Pure: times and counts in, a verdict out. */
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

/**
 * Chosen. The shortest wait for an answer of the server, when no other sign of life is left. Longer: a dead line is noticed
 * later. Shorter: a good line with one late answer counts as dead.
 */
const ANSWER_MS = 700;
/**
 * Milliseconds. The longest wait for an answer of the server, and the wait before the first measurement. Chosen. Longer: a
 * dead line is noticed later. Shorter: a slow line counts as dead.
 */
const SLOW_ANSWER_MS = 2_000;

/** Decides how long to wait for an answer. A line with slow answers is slow, not dead. Pure. */
export class Patience {
  private usual_ms: number | null = null;

  get most_ms(): number {
    if (this.usual_ms === null) return SLOW_ANSWER_MS;
    return Math.min(Math.max(ANSWER_MS, 3 * this.usual_ms), SLOW_ANSWER_MS);
  }

  /** True if the wait is longer than on a good line. */
  get slow(): boolean {
    return this.most_ms > ANSWER_MS;
  }

  answered(took_ms: number): void {
    this.usual_ms = Math.max(took_ms, (this.usual_ms ?? 0) / 2);
  }
}
