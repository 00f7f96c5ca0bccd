/** The figures of a call while somebody looks at them: read every two seconds, kept for two minutes, and nothing at other times. */
import { ConnectionQuality, Track, type LocalTrack, type RemoteTrack, type Room } from 'livekit-client';
import { serverBusy } from '../api';
import { Meter, type Report, type Reports, type Sample } from '../figures/figures';
import type { Member } from './members';
import { why, type Finding } from './why';

const PERIOD_MS = 2_000;
const KEPT = 60;
/** Asked for rarely: it is one request of each open panel. */
const SERVER_MS = 10_000;
/** Remote tracks that are read; with more of them in view the browser would be busy with counting. */
const MOST_READ = 12;

export class Statistics {
  samples = $state.raw<Sample[]>([]);
  private busy = $state(false);
  private readonly meter = new Meter();
  private readonly timers: ReturnType<typeof setInterval>[];
  private reading = false;
  private closed = false;

  constructor(
    private readonly room: Room,
    private readonly members: () => Member[],
    private readonly saving: () => boolean,
  ) {
    this.timers = [setInterval(() => void this.read(), PERIOD_MS), setInterval(() => void this.askServer(), SERVER_MS)];
    void this.read();
    void this.askServer();
  }

  get latest(): Sample | null {
    return this.samples.at(-1) ?? null;
  }

  get findings(): Finding[] {
    const members = this.members();
    const weak = (one: Member) => !one.local && (one.quality === ConnectionQuality.Poor || one.quality === ConnectionQuality.Lost);
    return why(this.samples, {
      serverBusy: this.busy,
      starved: members.filter((one) => one.starved.camera || one.starved.screen).length,
      weakSenders: members.filter(weak).map((one) => one.name),
      saving: this.saving(),
    });
  }

  close(): void {
    this.closed = true;
    this.timers.forEach(clearInterval);
  }

  private async read(): Promise<void> {
    if (this.reading) return;
    this.reading = true;
    try {
      const reports = await reportsOf(this.room);
      if (!this.closed) this.samples = [...this.samples, this.meter.read(reports, performance.now())].slice(-KEPT);
    } finally {
      this.reading = false;
    }
  }

  private async askServer(): Promise<void> {
    const busy = await serverBusy().catch(() => false);
    if (!this.closed) this.busy = busy;
  }
}

async function reportsOf(room: Room): Promise<Reports> {
  const own = [...room.localParticipant.trackPublications.values()].flatMap((one) => one.track ?? []);
  const others = [...room.remoteParticipants.values()].flatMap((who) =>
    [...who.trackPublications.values()].flatMap((one) => (one.isEnabled && one.track !== undefined && !one.isMuted ? one.track : [])),
  );
  const first = (track: { kind: Track.Kind }) => (track.kind === Track.Kind.Video ? 0 : 1);
  const read = others.sort((a, b) => first(a) - first(b)).slice(0, MOST_READ);
  return { sent: await gathered(own), received: await gathered(read) };
}

async function gathered(tracks: (LocalTrack | RemoteTrack)[]): Promise<Report[]> {
  const found = await Promise.all(tracks.map((track) => track.getRTCStatsReport().catch(() => undefined)));
  return found.filter((report) => report !== undefined) as unknown as Report[];
}
