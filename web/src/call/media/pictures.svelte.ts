/**
 * Chooses which remote pictures the server sends, and how large: the pictures in view, as the viewer wishes. After some time
 * in the background the page receives no pictures.
 */
import { RemoteTrackPublication, Track, type Room } from 'livekit-client';
import { mostOf, type Saving, type Wish } from './saving';

/**
 * Chosen. A page that is covered for a shorter time (another tab, a phone's home screen) keeps its pictures. Longer: hidden
 * pictures use bandwidth. Shorter: pictures restart after each glance at another tab.
 */
const BACKGROUND_MS = 5_000;

export class Pictures {
  /** The wishes for cameras, by identity. A missing identity means `auto`. */
  wishes = $state<Record<string, Wish>>({});
  /** The viewer watches a presentation although the mode receives no pictures. */
  watching = $state(false);
  private shown: ReadonlySet<string> = new Set();
  /** The sids of the pictures in their own window. They stay visible although the page is covered. */
  private floating: ReadonlySet<string> = new Set();
  private saving: Saving = 'full';
  private background = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly visibilityChanged = () => this.watchPage();

  constructor(private readonly room: Room) {
    document.addEventListener('visibilitychange', this.visibilityChanged);
  }

  /** Set the sids of the publications that have a place on the screen now. */
  show(sids: ReadonlySet<string>): void {
    this.shown = sids;
    this.apply();
  }

  /** Set the sids of the pictures in the small window. */
  float(sids: readonly string[]): void {
    this.floating = new Set(sids);
    this.apply();
  }

  save(saving: Saving): void {
    this.saving = saving;
    this.watching = false;
    this.apply();
  }

  wish(identity: string, wish: Wish): void {
    if (wish === 'auto') delete this.wishes[identity];
    else this.wishes[identity] = wish;
    this.apply();
  }

  apply(): void {
    for (const participant of this.room.remoteParticipants.values()) {
      for (const publication of participant.videoTrackPublications.values()) {
        const remote = publication instanceof RemoteTrackPublication && publication.isSubscribed;
        if (remote && publication.kind === Track.Kind.Video) this.put(participant.identity, publication);
      }
    }
  }

  close(): void {
    clearTimeout(this.timer);
    document.removeEventListener('visibilitychange', this.visibilityChanged);
  }

  private put(identity: string, publication: RemoteTrackPublication): void {
    const screen = publication.source === Track.Source.ScreenShare;
    const most = mostOf(screen ? 'auto' : (this.wishes[identity] ?? 'auto'), this.saving, screen);
    publication.setEnabled(most !== null && this.wants(publication.trackSid));
    if (most !== null && publication.videoQuality !== most) publication.setVideoQuality(most);
  }

  private wants(sid: string): boolean {
    return this.floating.has(sid) || (!this.background && this.shown.has(sid));
  }

  private watchPage(): void {
    clearTimeout(this.timer);
    if (document.hidden) this.timer = setTimeout(() => this.cover(true), BACKGROUND_MS);
    else this.cover(false);
  }

  private cover(background: boolean): void {
    this.background = background;
    this.apply();
  }
}
