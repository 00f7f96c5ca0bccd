/**
 * The figures of a call while the person looks at them. They are read every two seconds and kept for two minutes; at other
 * times nothing is read. The person's own switches change what is sent. A rate over a time in which a switch changed is
 * wrong, so it is not shown.
 */
import { ConnectionQuality, LocalTrackPublication, RoomEvent, Track, type LocalTrack, type RemoteTrack, type Room, type TrackPublication } from 'livekit-client';
import { serverBusy } from '../../server/routes';
import { Meter, type Report, type Reports } from '../../figures/figures';
import { Pressure } from '../../figures/pressure';
import type { Member } from './members';
import { LASTING, absence, why, type Absence, type Finding, type Moment, type Wanted } from './why';

/**
 * Milliseconds between two samples of the figures. Chosen. Longer: the figures are late. Shorter: the figures jump, and
 * cost more work.
 */
const PERIOD_MS = 2_000;
/** The delay before the first figures, and before the first figures after a switch. */
const SOON_MS = 1_000;
/**
 * Chosen. Packets that were in transit when a switch changed have arrived after this time. Shorter: they spoil the first
 * rate. Longer: figures come late.
 */
const DRAINED_MS = 300;
/**
 * Samples that are kept for the graphs: two minutes. Chosen. More: more memory, and graphs without detail. Fewer: an
 * earlier problem is no longer seen.
 */
const KEPT = 60;
/** The time that the figures cover. */
export const SPAN_MS = KEPT * PERIOD_MS;
const SWITCHES = [RoomEvent.TrackMuted, RoomEvent.TrackUnmuted, RoomEvent.LocalTrackPublished, RoomEvent.LocalTrackUnpublished] as const;
/**
 * Chosen. Each open panel sends one request in this time. Shorter: many open panels burden the server. Longer: a busy server
 * is reported late.
 */
const SERVER_MS = 10_000;
/**
 * Chosen. The number of remote tracks that are read. Larger: reading the statistics keeps the browser busy. Smaller: losses
 * on the other tracks stay unseen.
 */
const MOST_READ = 12;

export interface Reading extends Moment {
  /** Figures of sent media can be compared only if their `era` is equal. */
  era: number;
}

export class Statistics {
  /** Samples, the oldest first. */
  samples = $state.raw<Reading[]>([]);
  /** There are no figures yet, or none of the sent media since a switch changed. */
  measuring = $state(true);
  private busy = $state(false);
  private readonly meter = new Meter();
  private readonly pressure = new Pressure();
  private readonly asking: ReturnType<typeof setInterval>;
  private next: ReturnType<typeof setTimeout> | undefined;
  /** Counts the restarts of the measurement. A reading that began before the last restart is discarded. */
  private era = $state(0);
  private closed = false;
  private readonly switched = (publication: TrackPublication) => {
    if (publication instanceof LocalTrackPublication) this.beginAnew(DRAINED_MS);
  };

  constructor(
    private readonly room: Room,
    private readonly members: () => Member[],
    private readonly saving: () => boolean,
    private readonly wanted: () => Wanted = () => ({ own: null, others: [] }),
  ) {
    this.asking = setInterval(() => void this.askServer(), SERVER_MS);
    SWITCHES.forEach((event) => room.on(event, this.switched));
    this.beginAnew(0);
    void this.askServer();
  }

  get latest(): Reading | null {
    return this.samples.at(-1) ?? null;
  }

  /** The samples since a switch changed. */
  private get own(): Reading[] {
    return this.samples.filter((one) => one.era === this.era);
  }

  /** True if there are enough samples of the sent media to name a cause. */
  get judged(): boolean {
    return this.own.length >= LASTING;
  }

  get findings(): Finding[] {
    const members = this.members();
    const weak = (one: Member) => !one.local && (one.quality === ConnectionQuality.Poor || one.quality === ConnectionQuality.Lost);
    return why(this.samples, this.own, {
      serverBusy: this.busy,
      starved: members.filter((one) => one.starved.camera || one.starved.screen).length,
      weakSenders: members.filter(weak).map((one) => one.name),
      saving: this.saving(),
    });
  }

  /** The reason for each direction without a picture in the latest figures. */
  get absent(): Record<'sent' | 'seen', Absence | null> {
    const { latest } = this;
    const wanted = this.wanted();
    const of = (direction: 'sent' | 'seen') => (latest === null || latest[direction] !== null ? null : absence(direction, wanted));
    return { sent: of('sent'), seen: of('seen') };
  }

  close(): void {
    this.closed = true;
    this.era += 1;
    clearTimeout(this.next);
    clearInterval(this.asking);
    this.pressure.close();
    SWITCHES.forEach((event) => this.room.off(event, this.switched));
  }

  private beginAnew(delay_ms: number): void {
    const era = (this.era += 1);
    this.measuring = true;
    clearTimeout(this.next);
    this.readIn(delay_ms, era, true);
  }

  private readIn(delay_ms: number, era: number, first: boolean): void {
    const due_ms = performance.now() + delay_ms;
    this.next = setTimeout(() => void this.read(era, first, performance.now() - due_ms), delay_ms);
  }

  /** Read one sample. `first`: rates begin here, and no sample is kept. */
  private async read(era: number, first: boolean, late_ms: number): Promise<void> {
    const busy = this.pressure.busy(late_ms);
    const reports = await reportsOf(this.room);
    if (era !== this.era) return;
    const sample = this.meter.read(reports, performance.now());
    if (!first) {
      this.samples = [...this.samples, { ...sample, era, busy }].slice(-KEPT);
      this.measuring = false;
    }
    this.readIn(first ? SOON_MS : PERIOD_MS, era, false);
  }

  private async askServer(): Promise<void> {
    const busy = await serverBusy().catch(() => false);
    if (!this.closed) this.busy = busy;
  }
}

async function reportsOf(room: Room): Promise<Reports> {
  const own = [...room.localParticipant.trackPublications.values()];
  const sent = own.flatMap((one) => (one.isMuted ? [] : (one.track ?? [])));
  const muted = own.flatMap((one) => (one.isMuted ? (one.track ?? []) : []));
  const others = [...room.remoteParticipants.values()].flatMap((who) =>
    [...who.trackPublications.values()].flatMap((one) => (one.isEnabled && one.track !== undefined && !one.isMuted ? one.track : [])),
  );
  const first = (track: { kind: Track.Kind }) => (track.kind === Track.Kind.Video ? 0 : 1);
  const read = others.sort((a, b) => first(a) - first(b)).slice(0, MOST_READ);
  return { sent: [...(await gathered(sent)), ...(await gathered(muted)).map(withoutMedia)], received: await gathered(read) };
}

/**
 * Return a report without the figures of its media. For seconds after a camera went off, Chromium repeats old packets as padding
 * to measure the bandwidth, and counts them as media. The report of the path stays.
 */
function withoutMedia(report: Report): Report {
  return [...report].filter(([, stat]) => stat.type !== 'outbound-rtp' && stat.type !== 'remote-inbound-rtp');
}

async function gathered(tracks: (LocalTrack | RemoteTrack)[]): Promise<Report[]> {
  const found = await Promise.all(tracks.map((track) => track.getRTCStatsReport().catch(() => undefined)));
  return found.filter((report) => report !== undefined) as unknown as Report[];
}
