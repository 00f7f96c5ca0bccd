/** The current speakers, the last speakers, and the person in the main picture. */
import { RoomEvent, type Participant, type Room } from 'livekit-client';
import { Timers } from '../../browser/timers';
import { MainPicture } from './order';

/**
 * Chosen: a little longer than a new speaker must speak (`MainPicture`). Shorter: the check comes too early and the main
 * picture does not change. Longer: the picture changes late.
 */
const LOOK_AGAIN_MS = 1_600;

export class Speakers {
  /** The identity in the main picture. */
  main = $state<string | null>(null);
  /** The time in ms at which each participant last spoke, by identity. */
  readonly lastSpoke = new Map<string, number>();
  private readonly picture = new MainPicture();
  private readonly timers = new Timers();

  constructor(private readonly room: Room) {
    room
      .on(RoomEvent.ActiveSpeakersChanged, (speakers) => this.heard(speakers))
      .on(RoomEvent.ParticipantDisconnected, ({ identity }) => this.forget(identity));
  }

  close(): void {
    this.timers.close();
  }

  private heard(speakers: Participant[]): void {
    const now_ms = Date.now();
    speakers.forEach((speaker) => this.lastSpoke.set(speaker.identity, now_ms));
    const loudest = speakers.find((speaker) => !speaker.isLocal)?.identity ?? null;
    this.main = this.picture.next(loudest, now_ms);
    if (loudest !== null && this.main !== loudest) this.timers.later(LOOK_AGAIN_MS, () => this.heard(this.room.activeSpeakers));
  }

  private forget(identity: string): void {
    this.picture.forget(identity);
    this.lastSpoke.delete(identity);
  }
}
