/** What a check found, as it is handed in and looked up (`signaling/api/models/checks.py`), and what it means. Pure. */
import type { Sample } from '../figures/figures';
import type { CameraFigures, CheckFigures, NetworkFigures } from '../server/model';

export type Verdict = NetworkFigures['verdict'];
export type Failed = CameraFigures['failure'];
export type Part = 'network' | 'microphone' | 'speaker' | 'camera';
export const PARTS: readonly Part[] = ['network', 'microphone', 'speaker', 'camera'];

/** Which of the three ways media came through; null: not tried. */
export interface Ways {
  udp: boolean | null;
  tcp: boolean | null;
  relay: boolean | null;
}

/** The first seconds the browser feels its way up: what it sends then says nothing of the line. */
const RISING = 4;

/** What was sent; no lines: the drawn picture. */
export type Offered = Pick<CheckFigures['camera'], 'height' | 'dark'>;

export function networkOf(samples: readonly Sample[], ways: Ways, offered: Offered): NetworkFigures {
  const steady = samples.length > RISING + 2 ? samples.slice(RISING) : samples.slice(1);
  const known = (read: (one: Sample) => number | null) => steady.map(read).filter((value) => value !== null);
  const kilobits = (values: number[]) => (values.length === 0 ? null : Math.round(median(values) / 1000));
  const limits = steady.map((one) => one.limit);
  const figures: NetworkFigures = {
    verdict: 'untried',
    way: samples.find((one) => one.way !== null)?.way ?? 'none',
    ...ways,
    rtt_ms: rounded(medianOf(known((one) => one.rtt_ms))),
    jitter_ms: rounded(medianOf(known((one) => one.jitter_ms))),
    up_loss: mean(known((one) => one.up_loss)),
    down_loss: mean(known((one) => one.down_loss)),
    up_kbps: kilobits(steady.map((one) => one.up_bps)),
    down_kbps: kilobits(steady.map((one) => one.down_bps)),
    limit: (['cpu', 'bandwidth', 'other'] as const).find((limit) => limits.filter((one) => one === limit).length * 2 > limits.length) ?? 'none',
    height_back: steady.length === 0 ? null : Math.max(0, ...steady.map((one) => one.seen?.height ?? 0)),
  };
  figures.verdict = judge(figures, offered);
  return figures;
}

const BAD = { loss: 0.08, rtt_ms: 600, up_kbps: 150 };
const FAIR = { loss: 0.02, rtt_ms: 250, jitter_ms: 40, up_kbps: 500, height: 300 };

/** Whatever is not good has a finding that says why. */
function judge(found: NetworkFigures, offered: Offered): Verdict {
  if (found.way === 'none') return found.udp === false ? 'bad' : 'untried';
  const loss = Math.max(found.up_loss ?? 0, found.down_loss ?? 0);
  const narrow = !isSlight(offered) && (found.up_kbps ?? 0) < BAD.up_kbps;
  if (loss > BAD.loss || (found.rtt_ms ?? 0) > BAD.rtt_ms || narrow || found.height_back === 0) return 'bad';
  return ofNetwork(found, offered).length > 0 ? 'fair' : 'good';
}

/** A small or a black picture takes few bits on the best of lines, and comes back no larger than it was. */
function isSlight({ height, dark }: Offered): boolean {
  return dark || (height > 0 && height < FAIR.height);
}

function ofNetwork(found: NetworkFigures, offered: Offered): Finding[] {
  if (found.way === 'none') return told(['unreachable', found.udp === false]);
  const little = !isSlight(offered) && (found.up_kbps ?? 0) < FAIR.up_kbps;
  const machine = found.limit === 'cpu';
  const narrow = found.limit === 'bandwidth' || (little && !machine);
  const small = !isSlight(offered) && found.height_back !== null && found.height_back < FAIR.height;
  return told(
    ['nothingBack', found.height_back === 0],
    ['noUdp', found.way === 'tcp'],
    ['relayed', found.way === 'relay'],
    ['lossUp', (found.up_loss ?? 0) > FAIR.loss],
    ['lossDown', (found.down_loss ?? 0) > FAIR.loss],
    ['slow', (found.rtt_ms ?? 0) > FAIR.rtt_ms],
    ['unsteady', (found.jitter_ms ?? 0) > FAIR.jitter_ms],
    ['narrow', narrow],
    ['machine', machine],
    ['small', small && found.height_back !== 0 && !narrow && !machine],
  );
}

function told(...rows: [Finding, boolean][]): Finding[] {
  return rows.filter(([, is]) => is).map(([one]) => one);
}

export type Finding =
  | 'unreachable' | 'nothingBack' | 'noUdp' | 'relayed' | 'lossUp' | 'lossDown' | 'slow' | 'unsteady' | 'narrow' | 'machine' | 'small'
  | 'micSilent' | 'speakerSilent' | 'cameraDark' | 'cameraSmall' | 'cameraSlow' | 'failed';

/** What is wrong, most grievous first; `failed` has words of its own for each failure. */
export function findings(figures: CheckFigures, part: Part): Finding[] {
  const { network, microphone, speaker, camera } = figures;
  if (part === 'network') return ofNetwork(network, camera);
  if (part === 'microphone') return told(['failed', microphone.failure !== ''], ['micSilent', microphone.failure === '' && microphone.verdict === 'bad']);
  if (part === 'speaker') return told(['speakerSilent', speaker.heard === false]);
  const usable = camera.failure === '' && camera.width > 0 && !camera.dark;
  return told(
    ['failed', camera.failure !== ''],
    ['cameraDark', camera.failure === '' && camera.dark],
    ['cameraSmall', usable && camera.height < SMALL.height],
    ['cameraSlow', usable && camera.fps < SMALL.fps],
  );
}

const SMALL = { height: 360, fps: 12 };

export function cameraVerdict(camera: Omit<CheckFigures['camera'], 'verdict'>): Verdict {
  if (camera.failure !== '') return 'bad';
  if (camera.width === 0) return 'untried';
  if (camera.dark) return 'bad';
  return camera.height < SMALL.height || camera.fps < SMALL.fps ? 'fair' : 'good';
}

/** `open`: there was a call to listen in. `before`: it was heard before that, so whoever is silent in it may just not have spoken. */
export function microphoneVerdict(microphone: Omit<CheckFigures['microphone'], 'verdict'>, open: boolean, before: boolean): Verdict {
  if (microphone.failure !== '') return 'bad';
  if (!open) return 'untried';
  if (microphone.heard) return 'good';
  return before ? 'untried' : 'bad';
}

/** The family, its version and the system, of what a browser calls itself: no more, so that nobody is known by it. */
export function browserOf(agent: string): CheckFigures['browser'] {
  const FAMILIES = [['edge', /Edg(?:e|A|iOS)?\/(\d+)/], ['firefox', /(?:Firefox|FxiOS)\/(\d+)/], ['chromium', /(?:Chrome|Chromium|CriOS)\/(\d+)/], ['safari', /Version\/(\d+).* Safari\//]] as const;
  const SYSTEMS = [['android', /Android/], ['ios', /iPhone|iPad|iPod/], ['windows', /Windows/], ['mac', /Macintosh/], ['linux', /Linux|CrOS/]] as const;
  const system = SYSTEMS.find(([, pattern]) => pattern.test(agent))?.[0] ?? 'other';
  for (const [family, pattern] of FAMILIES) {
    const major = Number(pattern.exec(agent)?.[1]);
    if (Number.isInteger(major)) return { family, major: Math.min(major, 9999), system };
  }
  return { family: 'other', major: 0, system };
}

function medianOf(values: number[]): number | null {
  return values.length === 0 ? null : median(values);
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function mean(values: number[]): number | null {
  if (values.length === 0) return null;
  return Math.round((values.reduce((sum, value) => sum + value, 0) / values.length) * 1000) / 1000;
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value);
}
