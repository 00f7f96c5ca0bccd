/**
 * The user's own screen that is shown to the others: a picture, and sound if the browser gives sound. The class keeps both
 * tracks from their capture. One switch ends them in any state, also while a new connection publishes them.
 */
import { RoomEvent, Track, TrackEvent, type LocalTrack, type Room } from 'livekit-client';
import { deviceFailure } from '../../devices/failure';
import type { Key } from '../../i18n/index.svelte';
import { isPublished, type Renewal } from './renewal';

export class Sharing {
  private screens = $state.raw<readonly LocalTrack[]>([]);
  private works = $state(0);
  private asking = false;
  private closed = false;

  constructor(
    private readonly room: Room,
    private readonly renewal: Renewal,
    private readonly tell: (text: Key) => void,
  ) {
    room
      .on(RoomEvent.LocalTrackUnpublished, ({ track }) => {
        if (track?.isStopped === true) this.ended(track);
      })
      .on(RoomEvent.Reconnected, () => void this.offer());
  }

  get on(): boolean {
    return this.screens.length > 0;
  }

  /** True while the browser asks for the screen, or while the screen is being published. */
  get busy(): boolean {
    return this.works > 0;
  }

  async turn(on: boolean): Promise<void> {
    if (!on) return this.letGo(this.screens);
    if (this.asking || this.on) return;
    this.asking = true;
    try {
      await this.work(() => this.capture());
    } catch (error) {
      this.tell(deviceFailure(error) === 'denied' ? 'failure.screen.denied' : 'failure.screen.unknown');
    } finally {
      this.asking = false;
    }
    await this.offer();
  }

  /** Stop all captures, and allow no new capture. */
  close(): void {
    this.closed = true;
    this.letGo(this.screens);
  }

  private async capture(): Promise<void> {
    const screens = await this.room.localParticipant.createScreenTracks({
      audio: true,
      contentHint: 'detail',
      selfBrowserSurface: 'exclude',
      surfaceSwitching: 'include',
    });
    // The call may have ended while the browser asked.
    if (this.closed) return screens.forEach((one) => one.stop());
    // The client library misses this event after it removed a track from the old connection and before the new one has the
    // track.
    screens.forEach((one) => one.on(TrackEvent.Ended, () => this.ended(one)));
    this.screens = screens;
  }

  /** Publish the screen tracks that are not published, or no longer published. */
  private async offer(): Promise<void> {
    await this.work(() => Promise.all(this.screens.map((one) => this.send(one))));
  }

  private async send(screen: LocalTrack): Promise<void> {
    if (isPublished(this.room, screen)) return;
    const isAnew = this.renewal.since();
    try {
      await this.room.localParticipant.publishTrack(screen, { source: screen.source });
    } catch {
      if (!this.screens.includes(screen) || (isAnew() && !screen.isStopped)) return;
      this.ended(screen);
      this.tell(isPicture(screen) ? 'failure.screen.unknown' : 'failure.screen.sound');
    }
  }

  /** Stop a track that ended. The sound ends together with the picture. */
  private ended(screen: LocalTrack): void {
    if (this.screens.includes(screen)) this.letGo(isPicture(screen) ? this.screens : [screen]);
  }

  private letGo(gone: readonly LocalTrack[]): void {
    this.screens = this.screens.filter((one) => !gone.includes(one));
    for (const one of gone) {
      one.stop();
      if (isPublished(this.room, one)) void this.room.localParticipant.unpublishTrack(one).catch(() => undefined);
    }
  }

  private async work(act: () => Promise<unknown>): Promise<void> {
    this.works += 1;
    await act().finally(() => (this.works -= 1));
  }
}

function isPicture(screen: LocalTrack): boolean {
  return screen.source === Track.Source.ScreenShare;
}
