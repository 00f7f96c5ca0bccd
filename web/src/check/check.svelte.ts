/**
 * One run of the check. It gets a pass, calls itself, tries the other transports, asks about the speaker, and reports the
 * results.
 */
import { Refused } from '../server/client';
import { beginCheck, reportCheck } from '../server/routes';
import type { Preview } from '../devices/preview.svelte';
import type { Sample } from '../figures/figures';
import { t } from '../i18n/check.svelte';
import type { CheckKey } from '../i18n/check-vi';
import { browserOf, cameraVerdict, microphoneVerdict, networkOf, type Ways } from './figures';
import { isRefusal, Loop, wait } from './loop';
import { drawnPicture, Eye, type Drawn } from './pictures';
import { Returned } from './voice';
import type { CheckFigures, CheckKept } from '../server/model';

export type Phase = 'ready' | 'opening' | 'measuring' | 'ways' | 'asking' | 'done';

/**
 * Samples of the test call, one each second (`EVERY_MS`). Chosen. More: the check takes longer. Fewer: a short disturbance
 * decides the verdict.
 */
const SAMPLES = 14;
/** Milliseconds between two samples. Chosen. Longer: the check takes longer. Shorter: each sample has few packets. */
const EVERY_MS = 1_000;
/** The share of the whole check that is complete when a phase begins. */
const BEGINS: Record<Phase, number> = { ready: 0, opening: 0.03, measuring: 0.15, ways: 0.8, asking: 1, done: 1 };

/**
 * Chosen. The expected time of a phase whose steps are not counted. Longer: the progress bar jumps at the end of the phase.
 * Shorter: the bar stops before the end.
 */
const EXPECTED_MS: Partial<Record<Phase, number>> = { opening: 12_000, ways: 18_000 };
const TICK_MS = 500;
/**
 * Chosen. After this time the page says that the check is slow but continues. Longer: users think that the check has stopped.
 * Shorter: a normal check counts as slow.
 */
const SLOW_S = 40;

/** An error that ended a check. Its message says what the user can do. */
class Stopped extends Error {}

export class Check {
  phase = $state<Phase>('ready');
  progress = $state(0);
  /** The step that runs in the phase, and the seconds since the check began. */
  step = $state.raw<{ key: CheckKey; n: number; of: number }>({ key: 'step.door', n: 0, of: SAMPLES });
  elapsed_s = $state(0);
  /** The reason why the check did not begin. */
  trouble = $state('');
  figures = $state.raw<CheckFigures | null>(null);
  kept = $state.raw<CheckKept | null>(null);
  /** The picture that came back from the server. */
  returned = $state.raw<MediaStreamTrack | null>(null);
  /** The voice that came back from the server. */
  voice = $state.raw<AudioBuffer | null>(null);
  /** True if a voice was heard before the check began. In that case no text says that the microphone is silent. */
  private heardBefore = false;
  private begun_ms = 0;
  private entered_ms = 0;
  private pass = { id: '', key: '' };
  private loop: Loop | null = null;
  private recording: Returned | null = null;
  private closed = false;
  /** True if the page was hidden. Browsers slow a hidden page down and stop its pictures, so its figures are wrong. */
  private covered = false;
  private readonly watch = () => {
    if (!document.hidden) return;
    this.covered = true;
    void this.loop?.close();
  };

  constructor(private readonly preview: Preview) {}

  get slow(): boolean {
    return this.elapsed_s > SLOW_S;
  }

  get running(): boolean {
    return this.phase === 'opening' || this.phase === 'measuring' || this.phase === 'ways';
  }

  /** Run the check. `video` shows the user's own camera. */
  async run(video: HTMLVideoElement | null): Promise<void> {
    this.reset();
    const ticking = setInterval(() => this.tick(performance.now()), TICK_MS);
    document.addEventListener('visibilitychange', this.watch);
    let drawn: Drawn | null = null;
    try {
      this.enter('opening');
      this.tell('step.door');
      const opened = await beginCheck();
      this.pass = opened;
      this.tell('step.call');
      if (this.covered) throw new Stopped();
      drawn = this.preview.camera === null ? drawnPicture() : null;
      this.loop = new Loop(opened, (track) => this.came(track.mediaStreamTrack));
      await this.through(this.loop, drawn, video);
    } catch (error) {
      this.trouble = this.covered ? t('check.covered') : words(error);
      this.enter('ready');
    } finally {
      clearInterval(ticking);
      document.removeEventListener('visibilitychange', this.watch);
      drawn?.stop();
      await this.loop?.close();
      this.loop = null;
    }
  }

  /** Record the answer about the speaker. Null: there is no speaker to ask about. */
  async answer(heard: boolean | null): Promise<void> {
    if (this.figures === null) return;
    const verdict = heard === null ? 'untried' : heard ? 'good' : 'bad';
    this.figures = { ...this.figures, speaker: { verdict, heard } };
    this.enter('done');
    await this.handIn();
  }

  /** Send the report again after the network was lost. */
  async handIn(): Promise<void> {
    if (this.figures === null) return;
    this.trouble = '';
    try {
      this.kept = await reportCheck(this.pass, this.figures);
    } catch (error) {
      this.trouble = error instanceof Refused ? error.message : t('app.offline');
    }
  }

  close(): void {
    this.closed = true;
    void this.loop?.close();
  }

  private reset(): void {
    this.trouble = '';
    this.figures = null;
    this.kept = null;
    this.returned = null;
    this.voice = null;
    this.recording = null;
    this.heardBefore = false;
    this.elapsed_s = 0;
    this.begun_ms = performance.now();
    this.covered = document.hidden;
  }

  private async through(loop: Loop, drawn: Drawn | null, video: HTMLVideoElement | null): Promise<void> {
    const { camera, microphone } = this.preview;
    const eye = video === null || camera === null ? null : new Eye(video);
    eye?.start();
    let samples: Sample[] = [];
    // The pass was given but no call connected: the check reports this as its result.
    let ways: Ways = { udp: false, tcp: false, relay: null };
    if (await loop.connect()) {
      this.tell('step.send');
      await loop.send(microphone, drawn?.track ?? camera!);
      samples = await this.measure(loop);
      ways = await this.tryWays(loop, samples);
    }
    if (this.covered) throw new Stopped();
    this.tell('step.finish');
    const seen = eye?.stop(camera?.getSettings().frameRate ?? 0) ?? { fps: 0, dark: false };
    this.voice = (await this.recording?.stop()) ?? null;
    this.figures = this.found(samples, ways, seen);
    if (!this.closed) this.enter('asking');
  }

  private async measure(loop: Loop): Promise<Sample[]> {
    const samples: Sample[] = [];
    this.enter('measuring');
    this.heardBefore = this.preview.hearing === 'heard';
    this.preview.listenAnew();
    for (let at = 0; at < SAMPLES && !this.closed && !this.covered; at += 1) {
      this.tell('step.sample', at + 1);
      samples.push(await loop.sample());
      this.progress = BEGINS.measuring + (BEGINS.ways - BEGINS.measuring) * (at / SAMPLES);
      await wait(EVERY_MS);
    }
    samples.push(await loop.sample());
    if (!loop.stands && !this.closed) throw new Stopped(t('check.broken'));
    return samples;
  }

  private async tryWays(loop: Loop, samples: readonly Sample[]): Promise<Ways> {
    this.enter('ways');
    const way = samples.find((one) => one.way !== null)?.way ?? null;
    const relay = loop.tryRelay();
    this.tell('step.tcp');
    const tcp = way === 'tcp' ? true : await loop.tryTcp();
    this.tell('step.relay');
    return { udp: way === 'udp' ? true : way === null ? null : false, tcp, relay: await relay };
  }

  private found(samples: readonly Sample[], ways: Ways, seen: { fps: number; dark: boolean }): CheckFigures {
    const { camera, microphone, failures, loudest } = this.preview;
    const heard = this.preview.hearing === 'heard';
    const size = camera?.getSettings();
    const look = { failure: failures.camera ?? ('' as const), width: size?.width ?? 0, height: size?.height ?? 0, ...seen };
    const sound = { failure: failures.microphone ?? ('' as const), heard, level: Math.round(loudest * 100) / 100 };
    return {
      network: networkOf(samples, ways, look),
      microphone: { verdict: microphoneVerdict(sound, microphone !== null && (heard || samples.length > 0), this.heardBefore), ...sound },
      speaker: { verdict: 'untried', heard: null },
      camera: { verdict: cameraVerdict(look), ...look },
      browser: browserOf(navigator.userAgent),
    };
  }

  private came(track: MediaStreamTrack): void {
    if (track.kind === 'video') this.returned = track;
    else this.recording ??= new Returned(track);
  }

  private enter(phase: Phase): void {
    this.phase = phase;
    this.progress = BEGINS[phase];
    this.entered_ms = performance.now();
  }

  private tell(key: CheckKey, n = 0): void {
    this.step = { key, n, of: SAMPLES };
  }

  private tick(now_ms: number): void {
    this.elapsed_s = Math.floor((now_ms - this.begun_ms) / 1000);
    const expected_ms = EXPECTED_MS[this.phase];
    if (expected_ms === undefined) return;
    const [from, to] = [BEGINS[this.phase], this.phase === 'opening' ? BEGINS.measuring : 1];
    this.progress = from + (to - from) * Math.min(0.95, (now_ms - this.entered_ms) / expected_ms);
  }
}

/** Return the text for an error: the server's answer, a refused call, or a fault of this page with the error's name. */
function words(error: unknown): string {
  if (error instanceof Refused || error instanceof Stopped) return error.message;
  if (isRefusal(error)) return t('check.refused');
  return t('check.fault', { name: error instanceof Error ? error.name : typeof error });
}
