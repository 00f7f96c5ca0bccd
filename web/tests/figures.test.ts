import { describe, expect, it } from 'vitest';
import { VideoQuality } from 'livekit-client';
import { mostOf, sentOf } from '../src/call/media/saving';
import { absence, why, type Facts, type Moment } from '../src/call/live/why';
import { Meter, type Report } from '../src/figures/figures';

/** Return reports in Chromium's form: one publishing and one receiving connection. */
function sent(bytes: number, reason = 'none', lost = 0, protocol = 'udp', candidateType = 'host'): Report {
  return new Map<string, Record<string, unknown>>([
    ['O1', { type: 'outbound-rtp', kind: 'video', ssrc: 11, bytesSent: bytes, headerBytesSent: 0, frameWidth: 1280, frameHeight: 720, framesPerSecond: 29.7, qualityLimitationReason: reason, codecId: 'C1' }],
    ['O2', { type: 'outbound-rtp', kind: 'video', ssrc: 12, bytesSent: 0, headerBytesSent: 0, frameWidth: 320, frameHeight: 180, framesPerSecond: 30, qualityLimitationReason: 'none', codecId: 'C1' }],
    ['R1', { type: 'remote-inbound-rtp', kind: 'video', ssrc: 11, fractionLost: lost }],
    ['C1', { type: 'codec', mimeType: 'video/VP8' }],
    ['T1', { type: 'transport', selectedCandidatePairId: 'P1' }],
    ['P0', { type: 'candidate-pair', state: 'succeeded', nominated: true, currentRoundTripTime: 9 }],
    ['P1', { type: 'candidate-pair', state: 'succeeded', nominated: true, currentRoundTripTime: 0.042, availableOutgoingBitrate: 2_500_000, localCandidateId: 'L1' }],
    ['L1', { type: 'local-candidate', protocol, candidateType }],
  ]);
}

function received(bytes: number, packets: number, lost: number, more: Record<string, number> = {}): Report {
  return new Map<string, Record<string, unknown>>([
    ['I1', { type: 'inbound-rtp', kind: 'video', ssrc: 21, bytesReceived: bytes, headerBytesReceived: 0, packetsReceived: packets, packetsLost: lost, jitter: 0.012, frameWidth: 640, frameHeight: 360, framesPerSecond: 24, framesDecoded: 100, ...more }],
    ['I2', { type: 'inbound-rtp', kind: 'audio', ssrc: 22, bytesReceived: 0, packetsReceived: 0, packetsLost: 0, jitter: 0.002 }],
  ]);
}

describe('figures', () => {
  it('are rates between two readings', () => {
    const meter = new Meter();
    const first = meter.read({ sent: [sent(1_000_000)], received: [received(500_000, 1000, 3)] }, 10_000);
    expect([first.up_bps, first.down_bps, first.down_loss]).toEqual([0, 0, null]);
    const next = meter.read({ sent: [sent(1_250_000, 'bandwidth', 0.06)], received: [received(750_000, 1095, 8, { framesDropped: 25, framesDecoded: 175, totalFreezesDuration: 0.5 })] }, 12_000);
    expect(next.up_bps).toBe(1_000_000);
    expect(next.down_bps).toBe(1_000_000);
    expect(next.down_loss).toBeCloseTo(0.05);
    expect(next.up_loss).toBe(0.06);
    expect(next.rtt_ms).toBeCloseTo(42);
    expect(next.jitter_ms).toBe(12);
    expect(next.dropped).toBe(0.25);
    expect(next.frozen).toBe(0.25);
    expect(next.limit).toBe('bandwidth');
    expect(next.sent).toEqual({ width: 1280, height: 720, fps: 30, codec: 'VP8' });
    expect(next.seen).toMatchObject({ width: 640, height: 360, fps: 24 });
    expect(next.estimate_bps).toBe(2_500_000);
  });

  it('tell the way: direct, TCP, relayed', () => {
    const way = (protocol: string, kind: string) => new Meter().read({ sent: [sent(0, 'none', 0, protocol, kind)], received: [] }, 0).way;
    expect([way('udp', 'prflx'), way('tcp', 'host'), way('udp', 'relay')]).toEqual(['udp', 'tcp', 'relay']);
    expect(new Meter().read({ sent: [], received: [] }, 0)).toMatchObject({ way: null, rtt_ms: null, sent: null, up_loss: null });
  });

  it('count headers, and no padding', () => {
    const stream = (bytesSent: number, headerBytesSent: number, packetsSent: number): Report =>
      new Map([['O', { type: 'outbound-rtp', kind: 'video', ssrc: 1, bytesSent, headerBytesSent, packetsSent }]]);
    const meter = new Meter();
    const up_bps = (report: Report, at_ms: number) => meter.read({ sent: [report], received: [] }, at_ms).up_bps;
    up_bps(stream(0, 0, 0), 0);
    expect(up_bps(stream(100_000, 2_400, 100), 1_000)).toBe(819_200);
    expect(up_bps(stream(200_000, 40_000, 300), 2_000)).toBe(864_000);
    expect(up_bps(stream(200_000, 76_000, 425), 3_000)).toBe(0);
  });

  it('forget what was lost of a layer that is off by now', () => {
    const meter = new Meter();
    const loss = (at_ms: number, large: number, small: number) => {
      const streams = [large, small].map((bytesSent, ssrc): [string, Record<string, unknown>] => [`O${ssrc}`, { type: 'outbound-rtp', kind: 'video', ssrc, bytesSent }]);
      const told = [0.63, 0.02].map((fractionLost, ssrc): [string, Record<string, unknown>] => [`R${ssrc}`, { type: 'remote-inbound-rtp', kind: 'video', ssrc, fractionLost }]);
      return meter.read({ sent: [new Map([...streams, ...told])], received: [] }, at_ms).up_loss;
    };
    expect([loss(0, 100, 100), loss(2_000, 200, 200), loss(8_000, 200, 300), loss(16_000, 200, 400)]).toEqual([0.63, 0.63, 0.63, 0.02]);
    expect(loss(18_000, 300, 500)).toBe(0.63);
  });

  it('make no negative rate of a stream that began anew', () => {
    const meter = new Meter();
    meter.read({ sent: [sent(9_000_000)], received: [] }, 0);
    expect(meter.read({ sent: [sent(100)], received: [] }, 2_000).up_bps).toBe(0);
  });
});

const GOOD: Moment = {
  at_ms: 0, up_bps: 1e6, down_bps: 1e6, up_loss: 0, down_loss: 0, rtt_ms: 30, jitter_ms: 3, estimate_bps: 2e6, way: 'udp', limit: 'none',
  sent: null, seen: null, dropped: 0, frozen: 0, concealed: 0, busy: false,
};
const QUIET: Facts = { serverBusy: false, starved: 0, weakSenders: [], saving: false };
const causes = (bad: Partial<Moment>, times = 5, facts: Partial<Facts> = {}) =>
  judged([...Array<Moment>(5 - times).fill(GOOD), ...Array<Moment>(times).fill({ ...GOOD, ...bad })], facts);
const judged = (samples: Moment[], facts: Partial<Facts> = {}, own = samples) => why(samples, own, { ...QUIET, ...facts }).map((one) => one.cause);

describe('why', () => {
  it('has nothing to say of a good call, nor of one bad moment', () => {
    expect(causes({})).toEqual([]);
    expect(causes({ limit: 'cpu', down_loss: 0.5, up_loss: 0.5, rtt_ms: 3000, frozen: 1 }, 2)).toEqual([]);
  });

  it('tells the machine, the way up, the way down and the server apart', () => {
    expect(causes({ limit: 'cpu' })).toEqual(['machine']);
    expect(causes({ dropped: 0.3, frozen: 0.3 })).toEqual(['machine']);
    expect(causes({ limit: 'bandwidth' })).toEqual(['uplink']);
    expect(causes({ up_loss: 0.1 })).toEqual(['uplink']);
    expect(causes({ down_loss: 0.1 })).toEqual(['downlink']);
    expect(causes({ frozen: 0.3, down_loss: 0.02 })).toEqual(['downlink']);
    expect(causes({ concealed: 0.2, jitter_ms: 80 })).toEqual(['downlink']);
    expect(causes({ concealed: 0.2, rtt_ms: 90 })).toEqual(['downlink']);
    expect(causes({}, 5, { starved: 1 })).toEqual(['downlink']);
    expect(causes({}, 5, { serverBusy: true })).toEqual(['server']);
    expect(causes({ rtt_ms: 600, way: 'tcp' })).toEqual(['far', 'tcp']);
    expect(causes({}, 5, { saving: true })).toEqual(['chosen']);
  });

  it('blames no line that loses nothing and answers at once', () => {
    const near = { rtt_ms: 3, frozen: 0.4, concealed: 0.2 };
    expect(causes(near)).toEqual([]);
    expect(causes({ ...near, busy: true })).toEqual(['machine']);
    expect(causes({ ...near, busy: true, jitter_ms: 80 })).toEqual(['machine']);
    expect(causes({ rtt_ms: 3, busy: true, limit: 'bandwidth' })).toEqual(['machine']);
    expect(causes({ rtt_ms: 3, busy: true }, 5, { starved: 1 })).toEqual(['machine']);
    expect(causes({ rtt_ms: 3, busy: true })).toEqual([]);
  });

  it('blames a line that shows it, however busy the machine', () => {
    expect(causes({ busy: true, down_loss: 0.1, frozen: 0.4 })).toEqual(['downlink']);
    expect(causes({ busy: true, rtt_ms: 150, concealed: 0.2 })).toEqual(['downlink']);
    expect(causes({ busy: true, rtt_ms: 150 }, 5, { starved: 1 })).toEqual(['downlink']);
    expect(causes({ busy: true, up_loss: 0.1 })).toEqual(['uplink']);
    expect(causes({ busy: true, rtt_ms: 150, limit: 'bandwidth' })).toEqual(['uplink']);
  });

  it('blames nothing after one reading, and this machine and its way up only for what is sent now', () => {
    const bad = { ...GOOD, limit: 'bandwidth', rtt_ms: 500, dropped: 0.3, frozen: 0.3 } as const;
    expect(judged([bad])).toEqual([]);
    expect(judged([bad, bad])).toEqual(['machine', 'uplink', 'far']);
    expect(judged([bad, bad, bad, bad], {}, [])).toEqual(['far']);
  });

  it('names three weak senders at most', () => {
    const [found] = why([GOOD], [GOOD], { ...QUIET, weakSenders: ['An', 'Bình', 'Cường', 'Dung'] });
    expect(found).toEqual({ cause: 'sender', names: 'An, Bình, Cường…' });
  });
});

describe('a picture that is absent', () => {
  it('is so because nobody looks at one of the own layers, and for nothing else that is known', () => {
    const sent = (own: boolean[] | null) => absence('sent', { own, others: [false] });
    expect(sent([false, false, false])).toBe('unwatched');
    expect([sent([true, false, false]), sent(null), sent([])]).toEqual([null, null, null]);
  });

  it('is so because this viewer receives none of all there are', () => {
    const seen = (...others: boolean[]) => absence('seen', { own: [false], others });
    expect([seen(false), seen(false, false)]).toEqual(['unwanted', 'unwanted']);
    expect([seen(), seen(false, true)]).toEqual([null, null]);
  });
});

describe('saving', () => {
  it('asks for small pictures of people and whole presentations', () => {
    expect(mostOf('auto', 'full', false)).toBe(VideoQuality.HIGH);
    expect(mostOf('auto', 'low', false)).toBe(VideoQuality.LOW);
    expect(mostOf('auto', 'low', true)).toBe(VideoQuality.HIGH);
    expect(mostOf('medium', 'full', false)).toBe(VideoQuality.MEDIUM);
    expect(mostOf('medium', 'low', false)).toBe(VideoQuality.LOW);
    expect(mostOf('none', 'full', false)).toBeNull();
  });

  it('sends the smallest layer alone, and that one whichever is wanted', () => {
    const wanted = (...layers: boolean[]) => layers.map((enabled, quality) => ({ quality, enabled }));
    expect(sentOf(wanted(false, true, true), 'full')).toEqual([false, true, true]);
    expect(sentOf(wanted(true, true, true), 'low')).toEqual([true, false, false]);
    expect(sentOf(wanted(false, false, true), 'low')).toEqual([true, false, false]);
    expect(sentOf(wanted(false, false, false), 'low')).toEqual([false, false, false]);
    expect(sentOf(wanted(true, false), 'sound')).toEqual([true, false]);
  });
});
