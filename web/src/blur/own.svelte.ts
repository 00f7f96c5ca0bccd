/**
 * The blur before a meeting: the user's own picture that is shown, and the blur that the call receives. This class owns the
 * blur until the call receives it.
 */
import { recall, remember } from '../browser/memory';
import type { Blur, Trouble } from './blur';

export class OwnBlur {
  on = $state(recall('blur') === 'yes');
  starting = $state(false);
  /** `driver`: the driver stopped its blur, and this page blurs instead. */
  trouble = $state<Trouble | null>(null);
  private camera = $state.raw<MediaStreamTrack | null>(null);
  /** The camera of the finished blur, and its blurred picture. */
  private done = $state.raw<{ camera: MediaStreamTrack; picture: MediaStreamTrack } | null>(null);
  private blur: Blur | null = null;
  /** The blur of the camera's driver is tried first, until the system takes that blur away. */
  private driver = true;
  /** Counts the blurs that were released. Messages of an older blur are ignored. */
  private era = 0;

  /** The picture to show: the camera's own picture until the blurred one is ready. */
  get picture(): MediaStreamTrack | null {
    return this.done !== null && this.done.camera === this.camera ? this.done.picture : this.camera;
  }

  /** Use another camera, or none. */
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

  /** Return the running blur. The caller must end it. Null: no blur runs, or it is not ready. */
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

/** Return the reason of an error. A program that does not load has no reason of its own. */
export function whyOf(error: unknown): Trouble {
  const why = (error as { why?: Trouble } | null)?.why;
  return why ?? 'failed';
}
