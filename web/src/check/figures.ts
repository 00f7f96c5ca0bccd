/** The results of a check, in the form of the report (`signaling/api/models/checks.py`), and their meaning. Pure. */
import type { Sample } from '../figures/figures';
import type { CameraFigures, CheckFigures, NetworkFigures } from '../server/model';

export type Verdict = NetworkFigures['verdict'];
export type Failed = CameraFigures['failure'];
export type Part = 'network' | 'microphone' | 'speaker' | 'camera';
export const PARTS: readonly Part[] = ['network', 'microphone', 'speaker', 'camera'];

/** The transports that carried media. Null: not tried. */
export interface Ways {
  udp: boolean | null;
  tcp: boolean | null;
  relay: boolean | null;
}

/**
 * Chosen. Samples at the start that do not count, because the browser raises its bitrate slowly. Larger: few samples are
 * left. Smaller: a good line looks narrow.
 */
const RISING = 4;

/** The picture that was sent. `height` 0: the drawn picture. */
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

/**
 * The verdict is bad above this share of lost packets or this round-trip time, or below this bitrate of the uplink. Chosen.
 * Stricter: usable lines get a bad verdict. Milder: people learn only in the meeting that their line is bad.
 */
const BAD = { loss: 0.08, rtt_ms: 600, up_kbps: 150 };
/**
 * The limits of a good network. Beyond one of them the verdict is fair, and a text names the reason. `height`: lines of the
 * picture that came back. Chosen. Stricter: good lines get a warning. Milder: problems have no text.
 */
const FAIR = { loss: 0.02, rtt_ms: 250, jitter_ms: 40, up_kbps: 500, height: 300 };

/** Return the verdict on the network. Every verdict that is not good has a finding with its reason. */
function judge(found: NetworkFigures, offered: Offered): Verdict {
  if (found.way === 'none') return found.udp === false ? 'bad' : 'untried';
  const loss = Math.max(found.up_loss ?? 0, found.down_loss ?? 0);
  const narrow = !isSlight(offered) && (found.up_kbps ?? 0) < BAD.up_kbps;
  if (loss > BAD.loss || (found.rtt_ms ?? 0) > BAD.rtt_ms || narrow || found.height_back === 0) return 'bad';
  return ofNetwork(found, offered).length > 0 ? 'fair' : 'good';
}

/**
 * Report whether the picture is small or black. Such a picture needs few bits on the best of lines, and it comes back in its
 * small size.
 */
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

/** Return the problems, the most serious first. Each `failed` problem has its own text. */
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

/**
 * A camera below these lines or frames a second gets a finding. Chosen. Larger: usable cameras get a warning. Smaller: bad
 * pictures have no text.
 */
const SMALL = { height: 360, fps: 12 };

export function cameraVerdict(camera: Omit<CheckFigures['camera'], 'verdict'>): Verdict {
  if (camera.failure !== '') return 'bad';
  if (camera.width === 0) return 'untried';
  if (camera.dark) return 'bad';
  return camera.height < SMALL.height || camera.fps < SMALL.fps ? 'fair' : 'good';
}

/**
 * Return the verdict on the microphone. `open`: a call recorded it. `before`: a voice was heard before the call, so the
 * person may just be silent now.
 */
export function microphoneVerdict(microphone: Omit<CheckFigures['microphone'], 'verdict'>, open: boolean, before: boolean): Verdict {
  if (microphone.failure !== '') return 'bad';
  if (!open) return 'untried';
  if (microphone.heard) return 'good';
  return before ? 'untried' : 'bad';
}

/** Return the family and version of the browser, and its system. More details would identify a person. */
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
