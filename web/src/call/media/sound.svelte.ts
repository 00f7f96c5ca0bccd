/** The sound of the others: one hidden audio element for each remote track, all through the chosen speaker. */
import { RoomEvent, Track, type RemoteTrack, type Room } from 'livekit-client';

export class Sound {
  /** The browser wants a click before it plays sound. */
  blocked = $state(false);
  private readonly host = document.createElement('div');

  constructor(private readonly room: Room) {
    this.host.hidden = true;
    document.body.append(this.host);
    room
      .on(RoomEvent.TrackSubscribed, (track) => this.play(track))
      .on(RoomEvent.TrackUnsubscribed, (track) => this.stop(track))
      .on(RoomEvent.AudioPlaybackStatusChanged, () => (this.blocked = !room.canPlaybackAudio));
  }

  async unblock(): Promise<void> {
    await this.room.startAudio();
    this.blocked = !this.room.canPlaybackAudio;
  }

  close(): void {
    this.host.remove();
  }

  private play(track: RemoteTrack): void {
    if (track.kind === Track.Kind.Audio) this.host.append(track.attach());
  }

  private stop(track: RemoteTrack): void {
    if (track.kind === Track.Kind.Audio) track.detach().forEach((element) => element.remove());
  }
}
