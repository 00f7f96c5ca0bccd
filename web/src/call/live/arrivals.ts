/**
 * Which pictures were announced and have not come. The server gives a viewer so many at once (`signaling/rtc/PROTOCOL.md`, Order); the
 * others wait until a place is free, and nobody is told which.
 */
import { ConnectionState, RemoteTrackPublication, Track, TrackPublication, type Room } from 'livekit-client';

/** After 8 s the server has told of pictures that come in no codec of ours; what is missed for longer waits for a place. */
export const SOON_MS = 10_000;

export class Arrivals {
  /** Since when each is missed, by sid; ms. */
  private missed = new Map<string, number>();

  /** Sids of those that wait; `now_ms` never jumps. `refused`: of those that will not come. Without a connection nothing does. */
  waiting(room: Room, refused: ReadonlySet<string>, now_ms: number): ReadonlySet<string> {
    const here = room.state === ConnectionState.Connected;
    const isMissing = (one: TrackPublication) => here && isWanted(one) && one.track === undefined && !refused.has(one.trackSid);
    const missing = [...room.remoteParticipants.values()].flatMap((one) => [...one.videoTrackPublications.values()].filter(isMissing));
    this.missed = new Map(missing.map(({ trackSid }) => [trackSid, this.missed.get(trackSid) ?? now_ms]));
    return new Set([...this.missed].filter(([, since_ms]) => now_ms - since_ms >= SOON_MS).map(([sid]) => sid));
  }

  /** When to look again because one of them may wait by then; null: nothing is missed that was not told. */
  next_ms(now_ms: number): number | null {
    const soon = [...this.missed.values()].filter((since_ms) => now_ms - since_ms < SOON_MS);
    return soon.length === 0 ? null : Math.min(...soon) + SOON_MS - now_ms;
  }
}

/** Wanted here, allowed and sent by its owner. */
function isWanted(one: TrackPublication): boolean {
  if (!(one instanceof RemoteTrackPublication) || one.kind !== Track.Kind.Video || one.isMuted) return false;
  return one.isDesired && one.permissionStatus === TrackPublication.PermissionStatus.Allowed;
}
