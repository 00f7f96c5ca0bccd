/**
 * The pictures that the server announced but does not send yet. The server sends a subscriber a limited number of pictures at
 * once (`signaling/rtc/PROTOCOL.md`, Order). The other pictures wait until a place is free, and the server does not say which
 * pictures wait.
 */
import { ConnectionState, RemoteTrackPublication, Track, TrackPublication, type Room } from 'livekit-client';

/**
 * Chosen. After 8 s the server has reported the pictures that have no codec of this browser. A picture that is missing for
 * longer than this time waits for a place. Shorter: a picture without a codec is shown as waiting. Longer: the viewer sees an
 * empty tile without a reason.
 */
export const SOON_MS = 10_000;

export class Arrivals {
  /** The time since when each picture is missing, by sid; ms. */
  private missed = new Map<string, number>();

  /**
   * Return the sids of the pictures that wait for a place. `now_ms` never jumps. `refused` holds the sids of the pictures
   * that will not come. Without a connection no picture waits.
   */
  waiting(room: Room, refused: ReadonlySet<string>, now_ms: number): ReadonlySet<string> {
    const here = room.state === ConnectionState.Connected;
    const isMissing = (one: TrackPublication) => here && isWanted(one) && one.track === undefined && !refused.has(one.trackSid);
    const missing = [...room.remoteParticipants.values()].flatMap((one) => [...one.videoTrackPublications.values()].filter(isMissing));
    this.missed = new Map(missing.map(({ trackSid }) => [trackSid, this.missed.get(trackSid) ?? now_ms]));
    return new Set([...this.missed].filter(([, since_ms]) => now_ms - since_ms >= SOON_MS).map(([sid]) => sid));
  }

  /**
   * Return the ms until a missing picture may count as waiting. Null: no picture is missing, or all missing pictures are
   * reported already.
   */
  next_ms(now_ms: number): number | null {
    const soon = [...this.missed.values()].filter((since_ms) => now_ms - since_ms < SOON_MS);
    return soon.length === 0 ? null : Math.min(...soon) + SOON_MS - now_ms;
  }
}

/** Report whether this page wants the picture, the server allows it and its publisher sends it. */
function isWanted(one: TrackPublication): boolean {
  if (!(one instanceof RemoteTrackPublication) || one.kind !== Track.Kind.Video || one.isMuted) return false;
  return one.isDesired && one.permissionStatus === TrackPublication.PermissionStatus.Allowed;
}
