/**
 * The numbers of unread and waiting notices, kept up to date by the server. Tabs of one browser share one stream. A
 * browser has only six connections to a server without HTTP/2. So one tab leads and passes the numbers on. Uses no screen.
 */
import { address, send } from './client';
import type { NoticeCounts } from '../../server/model';

/** Milliseconds until a refused stream is asked for again. Chosen. Longer: new notices are late. Shorter: more useless requests. */
const AGAIN_MS = 30_000;
const NAME = 'diemcau notices';
const state = $state({ unread: 0, waiting: 0, round: 0 });

export const counted = {
  get unread(): number {
    return state.unread;
  },
  get waiting(): number {
    return state.waiting;
  },
  /** A number that changes with each event. Lists of notices then load again. */
  get round(): number {
    return state.round;
  },
};

/** Listen until the returned function is called. */
export function listenToNotices(): () => void {
  const others = new BroadcastChannel(NAME);
  const ending = new AbortController();
  let source: EventSource | null = null;
  let timer = 0;
  let last: NoticeCounts | null = null;

  function pass(counts: NoticeCounts): void {
    last = counts;
    take(counts);
    others.postMessage(counts);
  }

  function lead(): void {
    source = new EventSource(address('/notices/events'));
    source.addEventListener('notices', (event) => pass(JSON.parse(event.data) as NoticeCounts));
    // The browser tries again by itself, except after a refusal.
    source.addEventListener('error', () => {
      if (source?.readyState === EventSource.CLOSED) timer = window.setTimeout(lead, AGAIN_MS);
    });
  }

  others.addEventListener('message', ({ data }: MessageEvent<NoticeCounts | null>) => {
    if (data !== null) take(data);
    else if (last !== null) others.postMessage(last);
  });
  others.postMessage(null); // asks the leading tab for its numbers

  if (navigator.locks === undefined) lead();
  else {
    const until = new Promise<void>((done) => ending.signal.addEventListener('abort', () => done()));
    navigator.locks
      .request(NAME, { signal: ending.signal }, () => {
        lead();
        return until;
      })
      .catch(() => undefined); // the page ended before this tab led
  }
  return () => {
    ending.abort();
    clearTimeout(timer);
    source?.close();
    others.close();
    Object.assign(state, { unread: 0, waiting: 0 });
  };
}

/** Mark these notices as read, or with `until` all notices up to that time. The request arrives even if the page is left. */
export async function markRead(what: { ids?: string[]; until?: string }): Promise<void> {
  take(await send<NoticeCounts>('PUT', '/notices/read', what, { outlives: true }));
}

function take(counts: NoticeCounts): void {
  Object.assign(state, counts);
  state.round += 1;
}
