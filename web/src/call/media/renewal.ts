/**
 * Notices a renewed connection of the call. The client library publishes again by itself then. A publication that fails
 * during that time has not failed for good.
 */
import { ConnectionState, RoomEvent, type LocalTrack, type Room } from 'livekit-client';

export class Renewal {
  private count = 0;

  /** Create this object before the objects that publish again after a reconnection: their listeners need the new count. */
  constructor(private readonly room: Room) {
    room.on(RoomEvent.Reconnected, () => (this.count += 1));
  }

  /**
   * Return a function that reports whether the connection is being renewed, or was renewed since now. A publication that
   * failed in that time is repeated after the renewal.
   */
  since(): () => boolean {
    const { count } = this;
    return () => count !== this.count || this.room.state !== ConnectionState.Connected;
  }
}

export function isPublished(room: Room, track: LocalTrack): boolean {
  return room.localParticipant.getTrackPublications().some((one) => one.track === track);
}
