/** Checks once a second whether packets come from the server. The page reports a dead line before the transports give it up. */
import type { Room } from 'livekit-client';
import { serverAnswers } from '../../server/routes';
import { CHECK_MS, Patience, Pulse, type Beat, type Verdict } from './flow';

/**
 * Checks (one a second, `CHECK_MS`) between two measurements of the time of an answer, on a slow line. Chosen. More: the
 * page takes a line for slow that is fast again. Fewer: more requests.
 */
const MEASURE_BEATS = 10;

interface Pair {
  id: string;
  type: string;
  timestamp: number;
  lastPacketReceivedTimestamp?: number;
  bytesReceived?: number;
  requestsSent?: number;
  responsesReceived?: number;
}

export class Line {
  /** No packet comes, although the call has not ended. */
  stalled = $state(false);
  private readonly pulse = new Pulse();
  private readonly patience = new Patience();
  /** For browsers that do not say when a packet came: the bytes so far, and the time since when the count is the same. */
  private counted = { bytes: 0, since_ms: 0 };
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly offline = () => void this.look();
  private looking = false;
  private verdict: Verdict = 'flows';
  private asking = false;
  /** Beats until the page measures the time of an answer again. */
  private measure_in = MEASURE_BEATS;
  private closed = false;

  constructor(private readonly room: Room) {
    this.timer = setInterval(() => void this.look(), CHECK_MS);
    void this.answers(); // measures how long an answer takes on this line
    window.addEventListener('offline', this.offline);
  }

  close(): void {
    this.closed = true;
    clearInterval(this.timer);
    window.removeEventListener('offline', this.offline);
  }

  private async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    try {
      const pairs = await pairsOf(this.room);
      const now_ms = performance.now();
      this.verdict = this.pulse.next(this.beat(pairs, now_ms), now_ms, navigator.onLine);
      if (this.closed) return;
      if (this.verdict === 'ask') void this.ask();
      else if (this.verdict !== 'unsure') this.stalled = this.verdict === 'silent';
      if (this.verdict === 'flows') this.measure();
    } finally {
      this.looking = false;
    }
  }

  /** Ask the server for an answer. Beats continue during the wait and may decide earlier. */
  private async ask(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    const answered = await this.answers();
    this.asking = false;
    if (!this.closed && this.verdict === 'ask') this.stalled = !answered;
  }

  /** Measure the time of an answer again on a slow line. An answer is slow while a page joins, and a line can improve. */
  private measure(): void {
    this.measure_in -= 1;
    if (this.measure_in > 0 || !this.patience.slow || this.asking) return;
    this.measure_in = MEASURE_BEATS;
    void this.answers();
  }

  private async answers(): Promise<boolean> {
    const began_ms = performance.now();
    const answered = await serverAnswers(this.patience.most_ms);
    if (answered) this.patience.answered(performance.now() - began_ms);
    return answered;
  }

  private beat(pairs: Pair[], now_ms: number): Beat {
    if (pairs.length === 0) return { heard_ms: null, unanswered: 0 };
    const bytes = sum(pairs.map((one) => one.bytesReceived));
    if (bytes !== this.counted.bytes) this.counted = { bytes, since_ms: now_ms };
    const ages_ms = pairs.flatMap((one) => (one.lastPacketReceivedTimestamp ? [one.timestamp - one.lastPacketReceivedTimestamp] : []));
    const heard_ms = ages_ms.length === 0 ? this.counted.since_ms : now_ms - Math.max(0, Math.min(...ages_ms));
    return { heard_ms, unanswered: sum(pairs.map((one) => one.requestsSent)) - sum(pairs.map((one) => one.responsesReceived)) };
  }
}

/**
 * Return the candidate pair in use of each transport. The fields are internal to the library, whose version is pinned. The
 * library's public interface gives no transport without a track.
 */
async function pairsOf(room: Room): Promise<Pair[]> {
  interface Way {
    getStats(): Promise<RTCStatsReport> | undefined;
  }
  const { engine } = room as unknown as { engine?: { pcManager?: { publisher?: Way; subscriber?: Way } } };
  const ways = [engine?.pcManager?.publisher, engine?.pcManager?.subscriber].flatMap((one) => one ?? []);
  const reports = await Promise.all(ways.map((one) => Promise.resolve(one.getStats()).catch(() => undefined)));
  return reports.flatMap((report) => selected(report) ?? []);
}

function selected(report: RTCStatsReport | undefined): Pair | undefined {
  const all = report === undefined ? [] : ([...report.values()] as (Pair & { selectedCandidatePairId?: string; nominated?: boolean; state?: string })[]);
  const id = all.find((one) => one.type === 'transport')?.selectedCandidatePairId;
  const pairs = all.filter((one) => one.type === 'candidate-pair');
  return pairs.find((one) => one.id === id) ?? pairs.find((one) => one.nominated === true && one.state === 'succeeded');
}

function sum(counts: (number | undefined)[]): number {
  return counts.reduce<number>((all, one) => all + (one ?? 0), 0);
}
