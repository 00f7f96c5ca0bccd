import { afterEach, beforeEach, describe, expect, it, vi as time } from 'vitest';
import { DisconnectReason, ConnectionQuality } from 'livekit-client';
import { pieces } from '../../src/call/live/chat.svelte';
import { joinFailureText, leavingText } from '../../src/call/live/leaving';
import { Patience, Pulse } from '../../src/call/live/flow';
import { Talk } from '../../src/call/media/mutedtalk.svelte';
import { groupsOf, hallsAmong, handQueue, handTime, linkedBy, type Member } from '../../src/call/live/members';
import { Notices } from '../../src/call/live/notices.svelte';

function member(identity: string, hand_ms: number): Member {
  return {
    identity, name: identity, local: false, microphone: true, camera: null, screen: null, starved: { camera: false, screen: false }, undecoded: { camera: false, screen: false }, waiting: { camera: false, screen: false }, speaking: false, hand_ms,
    level: 0, asked_ms: 0, waits: false, host: false, stage_ms: 0, role: '', unit: '', quality: ConnectionQuality.Good, composed: false,
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

describe('halls', () => {
  it('are counted by their identity', () => {
    expect(hallsAmong([member('hall_terminal.abc', 0), member('hall_program', 0), member('an', 0)])).toBe(1);
    expect(hallsAmong([])).toBe(0);
  });
});

describe('the list of people', () => {
  it('is one list until there are two units', () => {
    const all = [member('an', 0), { ...member('binh', 0), unit: 'Sở Y tế' }];
    expect(groupsOf(all)).toEqual([{ kind: 'others', name: '', members: all }]);
  });

  it('begins with the chair and the secretary, then has the units by name, halls and others', () => {
    const of = (identity: string, unit: string, role: Member['role'] = '') => ({ ...member(identity, 0), unit, role });
    const all = [of('guest', ''), of('x10', 'Xã 10'), of('secretary', 'Sở Y tế', 'secretary'), of('hall_terminal.a', ''), of('x2', 'Xã 2'), of('chair', 'Xã 2', 'chair'), of('staff', 'Sở Y tế', 'operator')];
    expect(groupsOf(all).map((one) => [one.kind, one.name, one.members.map((each) => each.identity)])).toEqual([
      ['lead', '', ['chair', 'secretary']],
      ['unit', 'Sở Y tế', ['staff']],
      ['unit', 'Xã 2', ['x2']],
      ['unit', 'Xã 10', ['x10']],
      ['halls', '', ['hall_terminal.a']],
      ['others', '', ['guest']],
    ]);
  });
});

describe('lines', () => {
  it('are as the server says, while there is a way to it', () => {
    const members = [{ ...member('me', 0), local: true }, member('other', 0)];
    const said = (link: 'steady' | 'signal-lost' | 'media-lost') => linkedBy(link, members).map((one) => one.quality);
    expect(linkedBy('steady', members)).toBe(members);
    expect(said('signal-lost')).toEqual(['unknown', 'unknown']);
    expect(said('media-lost')).toEqual(['lost', 'unknown']);
    const silent = linkedBy('steady', members.map((one) => ({ ...one, speaking: true })), true);
    expect(silent.map((one) => [one.quality, one.speaking])).toEqual([['unknown', false], ['unknown', false]]);
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

  it('keeps one line of the chat for each person, the newest, until the chat is open', () => {
    const notices = new Notices();
    const wrote = (identity: string, text: string) => notices.wrote({ identity, name: identity, text });
    notices.tell('x');
    ['a', 'b'].forEach((one) => wrote(one, 'một'));
    wrote('a', 'hai');
    expect(notices.shown.map((one) => one.text)).toEqual(['x', 'b: một', 'a: hai']);
    wrote('a', 'd'.repeat(2_000));
    expect(notices.shown.at(-1)?.text.length).toBeLessThan(200);
    notices.forgetChat();
    expect(notices.shown.map((one) => one.text)).toEqual(['x']);
    notices.close();
  });

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

describe('a line', () => {
  const ONLINE = true;

  /** Return the verdicts, one each second, for a call whose last packets came at these times. */
  function said(heard: readonly (number | null)[], unanswered: readonly number[] = [], online = ONLINE): string[] {
    const pulse = new Pulse();
    return heard.map((heard_ms, second) => pulse.next({ heard_ms, unanswered: unanswered[second] ?? 0 }, second * 1_000, online));
  }

  it('is asked about within two seconds of the last packet', () => {
    expect(said([0, 990, 1_990, 2_100, 2_100, 2_100])).toEqual(['flows', 'unsure', 'flows', 'flows', 'ask', 'ask']);
  });

  it('is not asked about where answers to checks alone come, just after one', () => {
    expect(said([0, 900, 900, 900, 3_400])[4]).toBe('unsure');
  });

  it('is dead where checks go out and no answer comes, whatever the server says elsewhere', () => {
    expect(said([0, 900, 1_900, 1_950, 1_950], [3, 3, 3, 4, 5]).at(-1)).toBe('silent');
    expect(said([0, 900, 1_900, 1_950, 1_950], [3, 3, 3, 3, 4]).at(-1)).toBe('ask');
  });

  it('says nothing where there is no way that could be asked, nor after a sleep', () => {
    expect(said([null, null, null])).toEqual(['flows', 'flows', 'flows']);
    const pulse = new Pulse();
    expect(pulse.next({ heard_ms: 0, unanswered: 0 }, 0, ONLINE)).toBe('flows');
    expect(pulse.next({ heard_ms: 0, unanswered: 0 }, 60_000, ONLINE)).toBe('flows');
  });

  it('is asked about at once where the browser has no network', () => {
    expect(said([0, 500], [], false)[1]).toBe('ask');
  });
});

describe('an answer of the server', () => {
  it('is waited for as long as answers take on this line, and briefly where they come fast', () => {
    const patience = new Patience();
    expect(patience.most_ms).toBe(2_000);
    patience.answered(20);
    expect(patience.most_ms).toBe(700);
    patience.answered(600);
    expect(patience.most_ms).toBe(1_800);
    patience.answered(900);
    expect(patience.most_ms).toBe(2_000);
    for (let second = 0; second < 5; second += 1) patience.answered(20);
    expect(patience.most_ms).toBe(700);
  });
});

describe('somebody who talks while the microphone is off', () => {
  function heard(levels: readonly number[], others = false): number {
    const talk = new Talk();
    return levels.findIndex((level, look) => talk.next(level, others, look * 100));
  }

  it('is told within a second, and of no cough', () => {
    expect(heard([0, 0, 0.6, 0.6, 0.6, 0.6, 0.6])).toBeGreaterThan(2);
    expect(heard([0, 0, 0.6, 0.6, 0.6, 0.6, 0.6])).toBeLessThan(12);
    expect(heard([0.9, 0.9, 0.9, 0, 0, 0, 0, 0, 0, 0, 0])).toBe(-1);
  });

  it('is not the loudspeaker', () => {
    const echo = Array.from({ length: 20 }, () => 0.4);
    expect(heard(echo, true)).toBe(-1);
    expect(heard(echo, false)).not.toBe(-1);
  });

  it('is not told all the time', () => {
    const talk = new Talk();
    const told = Array.from({ length: 200 }, (_, look) => talk.next(0.9, false, look * 100));
    expect(told.filter(Boolean).length).toBeLessThan(100);
    expect(told.lastIndexOf(true)).toBeGreaterThan(140);
  });
});
