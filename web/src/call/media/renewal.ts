/** A call that is made anew: the client library publishes by itself in it, and what fails meanwhile has not failed for good. */
import { ConnectionState, RoomEvent, type LocalTrack, type Room } from 'livekit-client';

export class Renewal {
  private count = 0;

  /** To be made before all who mend something once the call is there again. */
  constructor(private readonly room: Room) {
    room.on(RoomEvent.Reconnected, () => (this.count += 1));
  }

  /** Asked later, it tells whether the call is being made anew, or was since: what was not taken is offered once more at the end of that. */
  since(): () => boolean {
    const { count } = this;
    return () => count !== this.count || this.room.state !== ConnectionState.Connected;
  }
}

export function isPublished(room: Room, track: LocalTrack): boolean {
  return room.localParticipant.getTrackPublications().some((one) => one.track === track);
}
