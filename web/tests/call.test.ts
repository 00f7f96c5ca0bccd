import { afterEach, beforeEach, describe, expect, it, vi as time } from 'vitest';
import { DisconnectReason, ConnectionQuality } from 'livekit-client';
import { pieces } from '../src/call/chat.svelte';
import { joinFailureText, leavingText } from '../src/call/leaving';
import { handQueue, handTime, linkedBy, type Member } from '../src/call/members';
import { Notices } from '../src/call/notices.svelte';

function member(identity: string, hand_ms: number): Member {
  return {
    identity, name: identity, local: false, microphone: true, camera: null, screen: null, starved: { camera: false, screen: false }, undecoded: { camera: false, screen: false }, waiting: { camera: false, screen: false }, speaking: false, hand_ms,
    quality: ConnectionQuality.Good, composed: false,
  };
}

describe('hands', () => {
  it('queues in the order they went up', () => {
    expect(handQueue([member('a', 30), member('b', 0), member('c', 10)]).map((one) => one.identity)).toEqual(['c', 'a']);
  });

  it('believes plausible times only', () => {
    expect(handTime('1622765000000')).toBe(1622765000000);
    for (const value of [undefined, '', '0', '-1', 'yes', 'NaN', '1e400', '1.5']) expect(handTime(value)).toBe(0);
  });
});

describe('lines', () => {
  it('are as the server says, while there is a way to it', () => {
    const members = [{ ...member('me', 0), local: true }, member('other', 0)];
    const said = (link: 'steady' | 'signal-lost' | 'media-lost') => linkedBy(link, members).map((one) => one.quality);
    expect(linkedBy('steady', members)).toBe(members);
    expect(said('signal-lost')).toEqual(['unknown', 'unknown']);
    expect(said('media-lost')).toEqual(['lost', 'unknown']);
  });
});

describe('chat', () => {
  it('finds links without reading HTML', () => {
    expect(pieces('Xem https://a.vn/b?c=1. <b>Hết</b>')).toEqual([
      { text: 'Xem ', link: null },
      { text: 'https://a.vn/b?c=1', link: 'https://a.vn/b?c=1' },
      { text: '. <b>Hết</b>', link: null },
    ]);
    expect(pieces('javascript:alert(1)')).toEqual([{ text: 'javascript:alert(1)', link: null }]);
  });
});

describe('leaving', () => {
  it('has a word for every reason', () => {
    expect(leavingText(DisconnectReason.PARTICIPANT_REMOVED)).toBe('left.removed');
    expect(leavingText(DisconnectReason.STATE_MISMATCH)).toBe('left.lost');
    expect(leavingText(undefined)).toBe('left.lost');
    expect(joinFailureText(new Error('x'))).toBe('left.failed');
  });
});

describe('notices', () => {
  beforeEach(() => void time.useFakeTimers());
  afterEach(() => void time.useRealTimers());

  it('tells many arrivals in one sentence', () => {
    const notices = new Notices();
    ['An', 'Bình', 'Cường'].forEach((name) => notices.moved('joined', name));
    expect(notices.shown).toEqual([]);
    time.advanceTimersByTime(1_200);
    expect(notices.shown.map((one) => one.text)).toEqual(['An và 2 người khác vừa vào họp']);
    time.advanceTimersByTime(6_000);
    expect(notices.shown).toEqual([]);
  });

  it('shows three at most and none after it was closed', () => {
    const notices = new Notices();
    ['1', '2', '3', '4'].forEach((text) => notices.tell(text));
    expect(notices.shown.map((one) => one.text)).toEqual(['2', '3', '4']);
    notices.moved('left', 'An');
    notices.close();
    time.advanceTimersByTime(10_000);
    expect(notices.shown).toEqual([]);
  });
});
