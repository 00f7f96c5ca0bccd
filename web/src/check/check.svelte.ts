/** One run of the check: opens the door, calls itself, tries the other ways, asks about the speaker, hands in what was found. */
import { beginCheck, Refused, reportCheck, type CheckKept } from '../api';
import type { Preview } from '../devices/preview.svelte';
import type { Sample } from '../figures/figures';
import { t } from '../i18n/check.svelte';
import { browserOf, cameraVerdict, microphoneVerdict, networkOf, type CheckFigures, type Ways } from './figures';
import { isRefusal, Loop, wait } from './loop';
import { drawnPicture, Eye, type Drawn } from './pictures';
import { Returned } from './voice';

export type Phase = 'ready' | 'opening' | 'measuring' | 'ways' | 'asking' | 'done';

const SAMPLES = 14;
const EVERY_MS = 1_000;
/** The meter of the microphone moves so often. */
const LISTEN_MS = 100;
/** Share of the whole that is over when a phase begins. */
const BEGINS: Record<Phase, number> = { ready: 0, opening: 0.03, measuring: 0.15, ways: 0.8, asking: 1, done: 1 };

/** What ended a check, in words that say what to do. */
class Stopped extends Error {}

export class Check {
  phase = $state<Phase>('ready');
  progress = $state(0);
  /** Why it did not begin. */
  trouble = $state('');
  figures = $state.raw<CheckFigures | null>(null);
  kept = $state.raw<CheckKept | null>(null);
  /** The picture that came back. */
  returned = $state.raw<MediaStreamTrack | null>(null);
  /** The voice that came back. */
  voice = $state.raw<AudioBuffer | null>(null);
  private loudest = 0;
  private heard = false;
  private pass = { id: '', key: '' };
  private loop: Loop | null = null;
  private recording: Returned | null = null;
  private closed = false;
  /** Browsers slow down a page that nobody sees, and stop its pictures: what is measured then is wrong. */
  private covered = false;
  private readonly watch = () => {
    if (!document.hidden) return;
    this.covered = true;
    void this.loop?.close();
  };

  constructor(private readonly preview: Preview) {}

  get running(): boolean {
    return this.phase === 'opening' || this.phase === 'measuring' || this.phase === 'ways';
  }

  /** `video` shows the own camera. */
  async run(video: HTMLVideoElement | null): Promise<void> {
    this.reset();
    document.addEventListener('visibilitychange', this.watch);
    let drawn: Drawn | null = null;
    try {
      this.enter('opening');
      const opened = await beginCheck();
      this.pass = opened;
      if (this.covered) throw new Stopped();
      drawn = this.preview.camera === null ? drawnPicture() : null;
      this.loop = new Loop(opened, (track) => this.came(track.mediaStreamTrack));
      await this.through(this.loop, drawn, video);
    } catch (error) {
      this.trouble = this.covered ? t('check.covered') : words(error);
      this.enter('ready');
    } finally {
      document.removeEventListener('visibilitychange', this.watch);
      drawn?.stop();
      await this.loop?.close();
      this.loop = null;
    }
  }

  /** null: there is no speaker to ask about. */
  async answer(heard: boolean | null): Promise<void> {
    if (this.figures === null) return;
    const verdict = heard === null ? 'untried' : heard ? 'good' : 'bad';
    this.figures = { ...this.figures, speaker: { verdict, heard } };
    this.enter('done');
    await this.handIn();
  }

  /** Again, after the network was away. */
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
    this.loudest = 0;
    this.heard = false;
    this.covered = document.hidden;
  }

  private async through(loop: Loop, drawn: Drawn | null, video: HTMLVideoElement | null): Promise<void> {
    const { camera, microphone } = this.preview;
    const eye = video === null || camera === null ? null : new Eye(video);
    eye?.start();
    let samples: Sample[] = [];
    // The door was open and no call came through: that is what the check found.
    let ways: Ways = { udp: false, tcp: false, relay: null };
    if (await loop.connect()) {
      await loop.send(microphone, drawn?.track ?? camera!);
      samples = await this.measure(loop);
      ways = await this.tryWays(loop, samples);
    }
    if (this.covered) throw new Stopped();
    const seen = eye?.stop(camera?.getSettings().frameRate ?? 0) ?? { fps: 0, dark: false };
    this.voice = (await this.recording?.stop()) ?? null;
    this.figures = this.found(samples, ways, seen);
    if (!this.closed) this.enter('asking');
  }

  private async measure(loop: Loop): Promise<Sample[]> {
    const samples: Sample[] = [];
    this.enter('measuring');
    for (let at = 0; at < SAMPLES && !this.closed && !this.covered; at += 1) {
      samples.push(await loop.sample());
      this.progress = BEGINS.measuring + (BEGINS.ways - BEGINS.measuring) * (at / SAMPLES);
      for (let part = 0; part < EVERY_MS; part += LISTEN_MS) {
        await wait(LISTEN_MS);
        this.listen();
      }
    }
    samples.push(await loop.sample());
    if (!loop.stands && !this.closed) throw new Stopped(t('check.broken'));
    return samples;
  }

  private listen(): void {
    this.loudest = Math.max(this.loudest, this.preview.level);
    this.heard ||= this.preview.hearing === 'heard';
  }

  private async tryWays(loop: Loop, samples: readonly Sample[]): Promise<Ways> {
    this.enter('ways');
    const way = samples.find((one) => one.way !== null)?.way ?? null;
    const relay = loop.tryRelay();
    const tcp = way === 'tcp' ? true : await loop.tryTcp();
    return { udp: way === 'udp' ? true : way === null ? null : false, tcp, relay: await relay };
  }

  private found(samples: readonly Sample[], ways: Ways, seen: { fps: number; dark: boolean }): CheckFigures {
    this.listen();
    const { camera, microphone, failures } = this.preview;
    const size = camera?.getSettings();
    const look = { failure: failures.camera ?? ('' as const), width: size?.width ?? 0, height: size?.height ?? 0, ...seen };
    const sound = { failure: failures.microphone ?? ('' as const), heard: this.heard, level: Math.round(this.loudest * 100) / 100 };
    return {
      network: networkOf(samples, ways, look),
      microphone: { verdict: microphoneVerdict(sound, microphone !== null && (this.heard || samples.length > 0)), ...sound },
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
  }
}

/** Whose fault it was: the server's answer, the line that broke, or this page with the name of what went wrong. */
function words(error: unknown): string {
  if (error instanceof Refused || error instanceof Stopped) return error.message;
  if (isRefusal(error)) return t('check.refused');
  return t('check.fault', { name: error instanceof Error ? error.name : typeof error });
}
