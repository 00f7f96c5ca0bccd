import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LocalTrackPublication, Room, RoomEvent } from 'livekit-client';
import { flushSync, mount, unmount } from 'svelte';
import type { Conference } from '../../src/call/live/conference.svelte';
import Plot from '../../src/call/panels/Plot.svelte';
import StatisticsPanel from '../../src/call/panels/StatisticsPanel.svelte';
import { Statistics } from '../../src/call/live/statistics.svelte';

/** Return a room that sends one camera. `report` gives the counters of the browser. */
function sending(report: () => Record<string, unknown>) {
  const room = new Room();
  const camera = Object.assign(Object.create(LocalTrackPublication.prototype) as LocalTrackPublication, {
    track: { kind: 'video', getRTCStatsReport: async () => new Map([['O', { type: 'outbound-rtp', kind: 'video', ssrc: 1, ...report() }]]) },
  });
  room.localParticipant.trackPublications.set('camera', camera);
  const turn = (event: RoomEvent.TrackMuted | RoomEvent.TrackUnmuted) => room.emit(event, camera, room.localParticipant);
  return { room, turn };
}

describe('the figures of a call', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('fetch', () => Promise.reject(new Error('no network')));
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('blame nothing for what was sent before a switch moved', async () => {
    let limit = 'bandwidth';
    const { room, turn } = sending(() => ({ qualityLimitationReason: limit }));
    const figures = new Statistics(room, () => [], () => false);
    const causes = () => figures.findings.map((one) => one.cause);
    await vi.advanceTimersByTimeAsync(12_000);
    expect(figures.samples.length).toBeGreaterThan(5);
    expect(causes()).toEqual(['uplink']);
    limit = 'none';
    turn(RoomEvent.TrackMuted);
    expect([causes(), figures.judged]).toEqual([[], false]);
    await vi.advanceTimersByTimeAsync(4_000);
    expect([causes(), figures.judged]).toEqual([[], true]);
    limit = 'cpu';
    turn(RoomEvent.TrackUnmuted);
    await vi.advanceTimersByTimeAsync(4_000);
    expect(causes()).toEqual(['machine']);
    expect(new Set(figures.samples.map((one) => one.era)).size).toBe(3);
    figures.close();
  });

  it('ask the browser whether the machine is busy, and only while somebody looks', async () => {
    const told: ((records: { state: string }[]) => void)[] = [];
    vi.stubGlobal('PressureObserver', class {
      constructor(tell: (records: { state: string }[]) => void) {
        told.push(tell);
      }
      observe = () => Promise.resolve();
      disconnect = () => void told.pop();
    });
    const { room } = sending(() => ({ qualityLimitationReason: 'bandwidth' }));
    const figures = new Statistics(room, () => [], () => false);
    const causes = () => figures.findings.map((one) => one.cause);
    told[0]!([{ state: 'critical' }]);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(causes()).toEqual(['machine']);
    told[0]!([{ state: 'critical' }, { state: 'fair' }]);
    await vi.advanceTimersByTimeAsync(12_000);
    expect(causes()).toEqual(['uplink']);
    figures.close();
    expect(told).toEqual([]);
  });

  it('say that all is well only where it was measured, and with the line there', async () => {
    const { room } = sending(() => ({ qualityLimitationReason: 'none' }));
    const said = async (link: string, wait_ms: number) => {
      const conference = { link, statistics: () => new Statistics(room, () => [], () => false) } as unknown as Conference;
      const panel = mount(StatisticsPanel, { target: document.body, props: { conference, close: () => undefined } });
      await vi.advanceTimersByTimeAsync(wait_ms);
      flushSync();
      const found = [...document.querySelectorAll('.findings li')].map((one) => one.getAttribute('data-testid'));
      const fine = document.querySelectorAll('.fine').length;
      void unmount(panel);
      return [found, fine];
    };
    expect(await said('steady', 500)).toEqual([['finding-unknown'], 0]);
    expect(await said('steady', 6_000)).toEqual([['finding-none'], 1]);
    expect(await said('media-lost', 6_000)).toEqual([['finding-lost'], 0]);
  });

  it('are drawn as lines of their own before and after', () => {
    const given = { label: '', measuring: false, top: 10, span_ms: 10_000, say: String, times: [0, 2_000, 4_000, 6_000], values: [9, 9, 1, 1] };
    const lines = (eras?: number[]) => {
      const plot = mount(Plot, { target: document.body, props: { ...given, eras } });
      flushSync();
      const found = document.querySelectorAll('polyline').length;
      void unmount(plot);
      return found;
    };
    expect([lines(), lines([1, 1, 1, 1]), lines([1, 1, 2, 2])]).toEqual([1, 1, 2]);
  });
});
