import { describe, expect, it } from 'vitest';
import { ConnectionError, PublishTrackError } from 'livekit-client';
import { cameraVerdict, findings, microphoneVerdict, networkOf, PARTS, type Offered, type Ways } from '../src/check/figures';
import { isRefusal, tellsOfNetwork } from '../src/check/loop';
import type { Sample } from '../src/figures/figures';
import type { CheckFigures, NetworkFigures } from '../src/server/model';

const FINE: Sample = {
  at_ms: 0, up_bps: 1_200_000, down_bps: 1_200_000, up_loss: 0, down_loss: 0, rtt_ms: 20, jitter_ms: 3, estimate_bps: null, way: 'udp', limit: 'none',
  sent: null, seen: { width: 1280, height: 720, fps: 25, codec: 'VP8' }, dropped: 0, frozen: 0, concealed: 0,
};
const OPEN: Ways = { udp: true, tcp: true, relay: null };
const HD: Offered = { height: 720, dark: false };

function network(more: Partial<Sample>, offered: Offered = HD, ways: Ways = OPEN): NetworkFigures {
  return networkOf(Array.from({ length: 12 }, () => ({ ...FINE, ...more })), ways, offered);
}

function figures(net: NetworkFigures, camera: Partial<CheckFigures['camera']> = {}): CheckFigures {
  const look = { failure: '' as const, width: 1280, height: 720, fps: 25, dark: false, ...camera };
  return {
    network: net,
    microphone: { verdict: 'good', failure: '', heard: true, level: 0.5 },
    speaker: { verdict: 'good', heard: true },
    camera: { verdict: cameraVerdict(look), ...look },
    browser: { family: 'chromium', major: 1, system: 'linux' },
  };
}

function lines(height: number): Sample['seen'] {
  return height === 0 ? null : { width: height * 2, height, fps: 25, codec: 'VP8' };
}

describe('a check', () => {
  it('says why, whenever something is not good, and finds no fault with what is', () => {
    const wrong: NetworkFigures[] = [];
    const cameras: Offered[] = [HD, { height: 240, dark: false }, { height: 0, dark: false }, { height: 720, dark: true }];
    for (const offered of cameras)
      for (const way of ['udp', 'tcp', 'relay', null] as const)
        for (const limit of ['none', 'cpu', 'bandwidth', 'other'] as const)
          for (const height of [0, 180, 360, 720])
            for (const up_bps of [40_000, 300_000, 1_200_000])
              for (const doubt of [{}, { up_loss: 0.03 }, { down_loss: 0.2 }, { rtt_ms: 300 }, { jitter_ms: 60 }, { rtt_ms: null, jitter_ms: null, up_loss: null, down_loss: null }])
                for (const ways of [OPEN, { udp: false, tcp: false, relay: null }, { udp: null, tcp: null, relay: null }]) {
                  const found = figures(network({ way, limit, up_bps, seen: lines(height), ...doubt }, offered, ways), offered);
                  const told = findings(found, 'network');
                  const blamed = found.network.verdict === 'fair' || found.network.verdict === 'bad';
                  if (blamed !== told.length > 0) wrong.push(found.network);
                }
    expect(wrong).toEqual([]);
    for (const height of [120, 359, 360, 720])
      for (const fps of [3, 12, 30])
        for (const dark of [false, true]) {
          const found = figures(network({}), { height, fps, dark });
          expect(findings(found, 'camera').length > 0).toBe(found.camera.verdict !== 'good');
        }
    expect(PARTS.flatMap((part) => findings(figures(network({})), part))).toEqual([]);
  });

  it('finds that a picture came back small, and does not blame the line for a small or a covered camera', () => {
    const small = network({ seen: lines(180) });
    expect([small.verdict, findings(figures(small), 'network')]).toEqual(['fair', ['small']]);
    const camera = { height: 240, dark: false };
    const own = network({ seen: lines(240), up_bps: 120_000 }, camera);
    expect([own.verdict, findings(figures(own, { height: 240 }), 'network'), findings(figures(own, { height: 240 }), 'camera')]).toEqual(['good', [], ['cameraSmall']]);
    const covered = network({ up_bps: 40_000 }, { height: 720, dark: true });
    expect([covered.verdict, findings(figures(covered, { dark: true }), 'network')]).toEqual(['good', []]);
    const gone = network({ seen: null });
    expect([gone.verdict, findings(figures(gone), 'network')]).toEqual(['bad', ['nothingBack']]);
  });

  it('calls a microphone good only for what it heard in the check', () => {
    const sound = { failure: '' as const, heard: true, level: 0.4 };
    const silent = { ...sound, heard: false, level: 0.02 };
    expect([microphoneVerdict(sound, true, false), microphoneVerdict(sound, true, true)]).toEqual(['good', 'good']);
    expect([microphoneVerdict(silent, true, false), microphoneVerdict(silent, true, true)]).toEqual(['bad', 'untried']);
    expect([microphoneVerdict(silent, false, true), microphoneVerdict({ ...silent, failure: 'busy' }, true, true)]).toEqual(['untried', 'bad']);
  });

  it('knows a network that blocks from a line that was not measured', () => {
    const blocked = networkOf([], { udp: false, tcp: false, relay: null }, HD);
    expect([blocked.verdict, findings(figures(blocked), 'network')]).toEqual(['bad', ['unreachable']]);
    const unmeasured = networkOf([], { udp: null, tcp: null, relay: null }, HD);
    expect([unmeasured.verdict, findings(figures(unmeasured), 'network')]).toEqual(['untried', []]);
  });

  it('lays on the network only what the network did', () => {
    const blocked = [ConnectionError.internal('could not establish pc connection'), ConnectionError.timeout('signal'), ConnectionError.websocket('error'), ConnectionError.serverUnreachable('no')];
    expect(blocked.map(tellsOfNetwork)).toEqual([true, true, true, true]);
    const refused = [ConnectionError.notAllowed('token', 401), ConnectionError.internal('status', { status: 500 }), ConnectionError.leaveRequest('full', 1), ConnectionError.cancelled('by us')];
    expect(refused.map(tellsOfNetwork)).toEqual([false, false, false, false]);
    expect(refused.map(isRefusal)).toEqual([true, true, true, true]);
    const own = [new PublishTrackError('refused', 1), new TypeError('undefined'), new DOMException('busy', 'NotReadableError'), 'text'];
    expect(own.map((one) => [tellsOfNetwork(one), isRefusal(one)])).toEqual(own.map(() => [false, false]));
  });
});
