import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Channel } from '../../src/channel/channel.svelte';
import { merged, type Message } from '../../src/channel/messages';

/** A WebSocket without a network: the test says what the server sends. */
class FakeSocket {
  static made: FakeSocket[] = [];
  sent: Record<string, unknown>[] = [];
  closed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.closed = true;
  }

  says(...messages: (Message | Record<string, unknown>)[]): void {
    messages.forEach((one) => this.onmessage?.({ data: JSON.stringify(one) }));
  }

  drops(code = 1006): void {
    this.onclose?.({ code });
  }
}

const WELCOME = { session: 's1', resumed: false, identity: 'an', name: 'An', audience: 'host', role: 'chair', orders: ['mute_all'], key: 'k1', clock: 0 };

function newest(): FakeSocket {
  return FakeSocket.made.at(-1)!;
}

function opened(told?: (message: Record<string, unknown>) => void): Channel {
  const channel = new Channel('wss://diem-cau', 'token', told);
  newest().onopen?.();
  newest().says({ welcome: WELCOME }, { seq: 1, whole: { people: { an: { n: 'An' } } } });
  return channel;
}

beforeEach(() => {
  FakeSocket.made = [];
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', FakeSocket);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the merge patch', () => {
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b', b: 1 }, { a: null }, { b: 1 }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [['a'], ['c'], ['c']],
    [{ a: 'foo' }, { a: { b: { c: null } } }, { a: { b: {} } }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('makes of %j with %j %j (RFC 7396 A)', (target, patch, result) => {
    expect(merged(target, patch)).toEqual(result);
  });

  it('keeps unchanged parts, and no prototype', () => {
    const before = { people: { an: { n: 'An' } }, floor: {} };
    const after = merged(before, JSON.parse('{"floor":{"mode":"one"},"__proto__":{"x":1}}')) as typeof before;
    expect(after.people).toBe(before.people);
    expect(Object.getPrototypeOf(after)).toBe(Object.prototype);
  });
});

describe('the channel', () => {
  it('says hello, and shows the document and its patches', () => {
    const told = vi.fn();
    const channel = opened(told);
    expect(newest().url).toBe('wss://diem-cau/desk');
    expect(newest().sent).toEqual([{ hello: { token: 'token' } }]);
    expect([channel.state, channel.audience, channel.orders]).toEqual(['open', 'host', ['mute_all']]);
    newest().says({ seq: 2, patch: { people: { an: { h: 5 }, binh: { n: 'Bình' } } } }, { seq: 3, to_you: { warning: 1 } });
    expect(channel.document.people).toEqual({ an: { n: 'An', h: 5 }, binh: { n: 'Bình' } });
    expect(told).toHaveBeenCalledWith({ warning: 1 });
    newest().says({ rights: { audience: 'member', role: 'delegate', orders: [] } });
    expect([channel.audience, channel.role, channel.orders]).toEqual(['member', 'delegate', []]);
    channel.close();
  });

  it('resumes after a dropped connection, and sends the order without an answer again', async () => {
    const channel = opened();
    const answer = channel.give('mute_all');
    expect(newest().sent.at(-1)).toEqual({ id: 1, do: 'mute_all', with: {} });
    newest().drops();
    expect(channel.state).toBe('lost');
    vi.advanceTimersByTime(500);
    newest().onopen?.();
    expect(newest().sent).toEqual([{ hello: { token: 'k1', resume: { session: 's1', seq: 1 } } }]);
    newest().says({ welcome: { ...WELCOME, session: 's2', resumed: true } });
    expect(newest().sent.at(-1)).toEqual({ id: 1, do: 'mute_all', with: {} });
    newest().says({ re: 1, ok: { muted: 2 } }, { seq: 2, patch: { people: { an: { m: 1 } } } });
    expect(await answer).toEqual({ muted: 2 });
    expect(channel.document.people).toEqual({ an: { n: 'An', m: 1 } });
    channel.close();
  });

  it('takes the whole document when the server kept too little, and refuses the orders without an answer', async () => {
    const channel = opened();
    const refused = expect(channel.give('mute_all')).rejects.toMatchObject({ code: 'offline' });
    newest().drops();
    vi.advanceTimersByTime(500);
    newest().onopen?.();
    newest().says({ welcome: { ...WELCOME, session: 's2' } }, { seq: 9, whole: { people: {} }, skipped: true });
    await refused;
    expect(newest().sent).toHaveLength(1);
    newest().says({ seq: 10, patch: { people: { binh: {} } } });
    expect(channel.document.people).toEqual({ binh: {} });
    channel.close();
  });

  it('starts again after a missing event', () => {
    const channel = opened();
    const first = newest();
    first.says({ seq: 3, patch: { people: null } });
    expect(channel.document.people).toEqual({ an: { n: 'An' } });
    expect(first.closed).toBe(true);
    vi.advanceTimersByTime(500);
    newest().onopen?.();
    expect(newest().sent).toEqual([{ hello: { token: 'k1' } }]);
    channel.close();
  });

  it('connects again after a silence, and not while clocks come', () => {
    const channel = opened();
    for (let count = 0; count < 5; count++) {
      vi.advanceTimersByTime(10_000);
      newest().says({ clock: Date.now() + 1_500 });
    }
    expect([channel.state, channel.skew_ms]).toEqual(['open', 1_500]);
    vi.advanceTimersByTime(25_000);
    expect(channel.state).toBe('lost');
    channel.close();
  });

  it('waits longer after each failure', () => {
    const channel = opened();
    newest().drops();
    for (const [pause_ms, made] of [[500, 2], [1_000, 3], [2_000, 4], [4_000, 5], [8_000, 6], [8_000, 7]] as const) {
      vi.advanceTimersByTime(pause_ms - 1);
      expect(FakeSocket.made).toHaveLength(made - 1);
      vi.advanceTimersByTime(1);
      expect(FakeSocket.made).toHaveLength(made);
      newest().drops();
    }
    channel.close();
  });

  it('ends when the right ends, and tells why', async () => {
    const channel = opened();
    newest().says({ refused: { code: 'removed', vi: 'Đã được mời ra', en: 'removed' } });
    newest().drops(4003);
    expect([channel.state, channel.why]).toEqual(['ended', 'Đã được mời ra']);
    await expect(channel.give('mute_all')).rejects.toMatchObject({ code: 'offline' });
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.made).toHaveLength(1);
  });

  it('tries again while the call joins again', () => {
    const channel = opened();
    newest().says({ refused: { code: 'not_in_call', vi: 'Không còn', en: 'not' } });
    newest().drops(4003);
    expect(channel.state).toBe('lost');
    vi.advanceTimersByTime(500);
    expect(FakeSocket.made).toHaveLength(2);
    channel.close();
  });

  it('gives the refusal of an order as a text', async () => {
    const channel = opened();
    const refused = expect(channel.give('remove', { identity: 'x' })).rejects.toMatchObject({ code: 'host_stays', message: 'Không' });
    newest().says({ re: 1, refused: { code: 'host_stays', vi: 'Không', en: 'no' } });
    await refused;
    channel.close();
  });
});
