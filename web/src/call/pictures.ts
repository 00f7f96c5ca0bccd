/** Which remote pictures the server sends at all: those in view, and none while the page is in the background. */
import { RemoteTrackPublication, Track, type Room } from 'livekit-client';

/** A page that is only covered for a moment (another tab, a phone's home screen) keeps its pictures. */
const BACKGROUND_MS = 5_000;

export class Pictures {
  private shown: ReadonlySet<string> = new Set();
  private background = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly visibilityChanged = () => this.watchPage();

  constructor(private readonly room: Room) {
    document.addEventListener('visibilitychange', this.visibilityChanged);
  }

  /** Sids of the publications that have a place on the screen now. */
  show(sids: ReadonlySet<string>): void {
    this.shown = sids;
    this.apply();
  }

  apply(): void {
    for (const participant of this.room.remoteParticipants.values()) {
      for (const publication of participant.videoTrackPublications.values()) {
        const remote = publication instanceof RemoteTrackPublication && publication.isSubscribed;
        if (remote && publication.kind === Track.Kind.Video) publication.setEnabled(this.wants(publication.trackSid));
      }
    }
  }

  close(): void {
    clearTimeout(this.timer);
    document.removeEventListener('visibilitychange', this.visibilityChanged);
  }

  private wants(sid: string): boolean {
    return !this.background && this.shown.has(sid);
  }

  private watchPage(): void {
    clearTimeout(this.timer);
    if (document.hidden) this.timer = setTimeout(() => this.put(true), BACKGROUND_MS);
    else this.put(false);
  }

  private put(background: boolean): void {
    this.background = background;
    this.apply();
  }
}
