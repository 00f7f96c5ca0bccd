/** The blur before a meeting: which picture of oneself is shown, and what is handed over to the call. Owns the blur until then. */
import { recall, remember } from '../browser/memory';
import type { Blur, Trouble } from './blur';

export class OwnBlur {
  on = $state(recall('blur') === 'yes');
  starting = $state(false);
  /** `driver`: it is blurred all the same, by this page. */
  trouble = $state<Trouble | null>(null);
  private camera = $state.raw<MediaStreamTrack | null>(null);
  /** Of this camera, with its picture. */
  private done = $state.raw<{ camera: MediaStreamTrack; picture: MediaStreamTrack } | null>(null);
  private blur: Blur | null = null;
  /** The camera's own is asked, until the system takes it away. */
  private driver = true;
  /** Counts the blurs that were let go: what an older one still says concerns nobody. */
  private era = 0;

  /** What is shown: the camera's own picture until it is blurred. */
  get picture(): MediaStreamTrack | null {
    return this.done !== null && this.done.camera === this.camera ? this.done.picture : this.camera;
  }

  /** Another camera, or none. */
  async follow(camera: MediaStreamTrack | null): Promise<void> {
    this.camera = camera;
    if (this.on && camera !== null) await this.begin(camera);
  }

  async turn(on: boolean): Promise<void> {
    this.on = on;
    this.driver = true;
    this.trouble = null;
    remember('blur', on ? 'yes' : 'no');
    if (!on) this.drop();
    else if (this.camera !== null) await this.begin(this.camera);
  }

  /** The blur that runs, which is the caller's to end; null: none runs, or it is not ready. */
  handOver(): Blur | null {
    const given = this.done === null || this.starting ? null : this.blur;
    if (given !== null) this.blur = null;
    this.drop();
    return given;
  }

  drop(): void {
    this.era += 1;
    void this.blur?.destroy();
    this.blur = null;
    this.done = null;
    this.starting = false;
  }

  private async begin(camera: MediaStreamTrack): Promise<void> {
    const { era } = this;
    this.starting = true;
    try {
      const part = await import('./blur');
      if (era !== this.era || this.camera !== camera) return;
      const blur = (this.blur ??= new part.Blur((why) => this.fail(era, why), this.driver));
      await blur.init({ track: camera });
      if (this.blur === blur && this.camera === camera) this.done = { camera, picture: blur.processedTrack ?? camera };
    } catch (error) {
      this.fail(era, whyOf(error));
    } finally {
      if (era === this.era && this.camera === camera) this.starting = false;
    }
  }

  private fail(era: number, why: Trouble): void {
    if (era !== this.era) return;
    this.drop();
    this.trouble = why;
    if (why === 'driver') {
      this.driver = false;
      if (this.camera !== null) void this.begin(this.camera);
      return;
    }
    this.on = false;
    remember('blur', 'no');
  }
}

/** A program that does not come has no reason of ours. */
export function whyOf(error: unknown): Trouble {
  const why = (error as { why?: Trouble } | null)?.why;
  return why ?? 'failed';
}
