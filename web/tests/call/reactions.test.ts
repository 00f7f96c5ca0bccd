import { describe, expect, it, vi as time } from 'vitest';
import { Notices } from '../../src/call/live/notices.svelte';
import { Rate, reactionIn, REACTIONS } from '../../src/call/reacting/reactions.svelte';

const packet = (text: string) => new TextEncoder().encode(text);

describe('reactions', () => {
  it('are three words, and nothing else counts', () => {
    for (const one of REACTIONS) expect(reactionIn(packet(one))).toBe(one);
    for (const other of ['', 'Agree', 'agree ', '<b>', '{"r":"agree"}', 'a'.repeat(10_000)]) expect(reactionIn(packet(other))).toBeNull();
    expect(reactionIn(new Uint8Array([0xff, 0xfe]))).toBeNull();
  });

  it('of one person are bounded: three in four seconds', () => {
    const rate = new Rate();
    expect([0, 100, 200, 300, 3_999].map((at_ms) => rate.allows(at_ms))).toEqual([true, true, true, false, false]);
    expect([4_000, 4_001, 4_100, 4_150].map((at_ms) => rate.allows(at_ms))).toEqual([true, false, true, false]);
  });

  it('of many people make one sentence, and each person counts once', () => {
    time.useFakeTimers();
    const notices = new Notices();
    for (const name of ['An', 'Bình', 'An', 'Cường']) notices.moved('clap', name);
    time.advanceTimersByTime(1_300);
    expect(notices.shown.map((one) => one.text)).toEqual(['An và 2 người khác vỗ tay']);
    notices.close();
    time.useRealTimers();
  });
});
