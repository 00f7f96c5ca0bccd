/**
 * Converts the browser's counters of a call (W3C Identifiers for WebRTC's Statistics) to rates between two readings. The only
 * state is the last reading. The module uses no screen and no client library.
 */
export type Way = 'udp' | 'tcp' | 'relay';
/** The reason why the browser sends less than it should. */
export type Limit = 'none' | 'cpu' | 'bandwidth' | 'other';

export interface Picture {
  width: number;
  height: number;
  fps: number;
  codec: string;
}

export interface Sample {
  at_ms: number;
  up_bps: number;
  down_bps: number;
  /** Share of lost packets, 0 to 1. Null: unknown. */
  up_loss: number | null;
  down_loss: number | null;
  rtt_ms: number | null;
  jitter_ms: number | null;
  /** The browser's estimate of the free uplink bandwidth. */
  estimate_bps: number | null;
  way: Way | null;
  limit: Limit;
  /** The largest picture of each direction. */
  sent: Picture | null;
  seen: Picture | null;
  /** The share of received pictures that were not shown, 0 to 1. */
  dropped: number;
  /** The share of the time in which a picture was frozen. */
  frozen: number;
  /** The share of sound that was invented because packets were missing, 0 to 1. */
  concealed: number;
}

type Stat = Readonly<Record<string, unknown>>;
export type Report = Iterable<readonly [string, Stat]>;

export interface Reports {
  sent: readonly Report[];
  received: readonly Report[];
}

interface Counts {
  payload: number;
  /** The bytes of headers with padding. */
  headers: number;
  sent: number;
  packets: number;
  lost: number;
  decoded: number;
  dropped: number;
  frozen_s: number;
  concealed: number;
  samples: number;
}

const NOTHING: Counts = { payload: 0, headers: 0, sent: 0, packets: 0, lost: 0, decoded: 0, dropped: 0, frozen_s: 0, concealed: 0, samples: 0 };

/**
 * The most header bytes of one packet; more bytes are padding. Larger: padding counts as data. Smaller: real headers are not
 * counted.
 */
const HEADER_MOST = 40;
/**
 * Chosen. A stream's report is ignored this time after its last packet, because a layer that is off keeps its report without
 * end. Longer: old values stay on the screen. Shorter: a slow stream loses its values.
 */
const OFF_MS = 12_000;

export class Meter {
  private before = new Map<string, Counts>();
  private at_ms: number | null = null;
  /** The time at which each stream last sent a packet. */
  private went: ReadonlyMap<string, number> = new Map();

  /** Return the rates since the last reading. `at_ms` never jumps. The first reading has no rates. */
  read(reports: Reports, at_ms: number): Sample {
    const elapsed_s = this.at_ms === null ? 0 : Math.max(0.001, (at_ms - this.at_ms) / 1000);
    const now = new Map<string, Counts>();
    const sent = reports.sent.map(indexed);
    const received = reports.received.map(indexed);
    const up = this.grown('up', sent, now);
    const down = this.grown('down', received, now);
    this.went = new Map([...now].map(([key, counts]) => [key, this.wentAt(key, counts, at_ms)]));
    this.before = now;
    this.at_ms = at_ms;
    const rate = (bytes: number) => (elapsed_s === 0 ? 0 : (bytes * 8) / elapsed_s);
    const arrived = down.packets + down.lost;
    const path = pathOf([...sent, ...received]);
    return {
      at_ms,
      up_bps: rate(up.payload + up.headers),
      down_bps: rate(down.payload + down.headers),
      up_loss: most(sent.flatMap((stats) => all(stats, 'remote-inbound-rtp').filter((one) => this.goes(one, at_ms)).map((one) => number(one, 'fractionLost')))),
      down_loss: arrived === 0 ? null : share(down.lost, arrived),
      rtt_ms: scaled(path.rtt_s, 1000),
      jitter_ms: scaled(most(received.flatMap((stats) => all(stats, 'inbound-rtp').map((one) => number(one, 'jitter')))), 1000),
      estimate_bps: path.estimate_bps,
      way: path.way,
      limit: limitOf(sent),
      sent: largest(sent, 'outbound-rtp'),
      seen: largest(received, 'inbound-rtp'),
      dropped: share(down.dropped, down.dropped + down.decoded),
      frozen: elapsed_s === 0 ? 0 : Math.min(1, down.frozen_s / elapsed_s),
      concealed: share(down.concealed, down.samples),
    };
  }

  private wentAt(key: string, counts: Counts, at_ms: number): number {
    const stands = counts.payload === this.before.get(key)?.payload;
    return stands ? (this.went.get(key) ?? at_ms) : at_ms;
  }

  private goes(report: Stat, at_ms: number): boolean {
    return at_ms - (this.went.get(`up/${String(report.ssrc)}`) ?? at_ms) < OFF_MS;
  }

  /** Return the growth of the counters of one direction. A new stream counts only after its first reading. */
  private grown(direction: 'up' | 'down', reports: Indexed[], now: Map<string, Counts>): Counts {
    const sum = { ...NOTHING };
    for (const stats of reports) {
      for (const one of all(stats, direction === 'up' ? 'outbound-rtp' : 'inbound-rtp')) {
        const key = `${direction}/${String(one.ssrc)}`;
        const counts = countsOf(one);
        const before = this.before.get(key);
        now.set(key, counts);
        if (before === undefined) continue;
        const grown = { ...NOTHING };
        for (const name of Object.keys(sum) as (keyof Counts)[]) grown[name] = Math.max(0, counts[name] - before[name]);
        grown.headers = headersOf(grown);
        for (const name of Object.keys(sum) as (keyof Counts)[]) sum[name] += grown[name];
      }
    }
    return sum;
  }
}

/**
 * Return the header bytes without padding. Browsers send padding to measure the bandwidth, also for seconds after a camera
 * went off. These packets carry no media.
 */
function headersOf({ payload, headers, sent, packets }: Counts): number {
  return payload === 0 ? 0 : Math.min(headers, HEADER_MOST * (sent + packets));
}

type Indexed = ReadonlyMap<string, Stat>;

function indexed(report: Report): Indexed {
  return new Map(report);
}

function all(stats: Indexed, type: string): Stat[] {
  return [...stats.values()].filter((one) => one.type === type);
}

function number(stat: Stat, name: string): number | null {
  const value = stat[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function countsOf(stat: Stat): Counts {
  const of = (name: string) => number(stat, name) ?? 0;
  return {
    payload: of('bytesSent') + of('bytesReceived'),
    headers: of('headerBytesSent') + of('headerBytesReceived'),
    sent: of('packetsSent'),
    packets: of('packetsReceived'),
    lost: of('packetsLost'),
    decoded: of('framesDecoded'),
    dropped: of('framesDropped'),
    frozen_s: of('totalFreezesDuration'),
    concealed: of('concealedSamples') - of('silentConcealedSamples'),
    samples: of('totalSamplesReceived'),
  };
}

interface Path {
  rtt_s: number | null;
  estimate_bps: number | null;
  way: Way | null;
}

function pathOf(reports: Indexed[]): Path {
  for (const stats of reports) {
    const selected = all(stats, 'transport').map((one) => stats.get(String(one.selectedCandidatePairId)));
    const pair = selected.find((one) => one !== undefined) ?? all(stats, 'candidate-pair').find((one) => one.nominated === true && one.state === 'succeeded');
    if (pair === undefined) continue;
    const local = stats.get(String(pair.localCandidateId));
    const protocol = local?.protocol === 'tcp' ? 'tcp' : 'udp';
    return {
      rtt_s: number(pair, 'currentRoundTripTime'),
      estimate_bps: number(pair, 'availableOutgoingBitrate'),
      way: local === undefined ? null : local.candidateType === 'relay' ? 'relay' : protocol,
    };
  }
  return { rtt_s: null, estimate_bps: null, way: null };
}

function limitOf(reports: Indexed[]): Limit {
  const said = reports.flatMap((stats) => all(stats, 'outbound-rtp').map((one) => one.qualityLimitationReason));
  return (['cpu', 'bandwidth', 'other'] as const).find((limit) => said.includes(limit)) ?? 'none';
}

function largest(reports: Indexed[], type: string): Picture | null {
  let found: Picture | null = null;
  for (const stats of reports) {
    for (const one of all(stats, type)) {
      const [width, height] = [number(one, 'frameWidth') ?? 0, number(one, 'frameHeight') ?? 0];
      const fps = number(one, 'framesPerSecond') ?? 0;
      if (one.kind !== 'video' || fps === 0 || width * height <= (found === null ? 0 : found.width * found.height)) continue;
      const codec = String(stats.get(String(one.codecId))?.mimeType ?? '').replace(/^video\//i, '');
      found = { width, height, fps: Math.round(fps), codec };
    }
  }
  return found;
}

function most(values: (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

function share(part: number, whole: number): number {
  return whole <= 0 ? 0 : Math.min(1, Math.max(0, part / whole));
}

function scaled(value: number | null, by: number): number | null {
  return value === null ? null : value * by;
}
