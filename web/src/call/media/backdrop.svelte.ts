/**
 * The blur of the user's own camera in the meeting. The class switches the blur, and keeps it each time the camera opens. If
 * the blur fails, the camera goes off: a room that the person wanted blurred is never shown unasked. If the camera's driver
 * stops its blur, the page blurs instead.
 */
import { LocalVideoTrack, RoomEvent, Track, type LocalTrackPublication, type Room, type VideoCaptureOptions } from 'livekit-client';
import type { Blur, Trouble } from '../../blur/blur';
import { blurNatively } from '../../blur/native';
import { whyOf } from '../../blur/own.svelte';
import { recall, remember } from '../../browser/memory';

export class Backdrop {
  on = $state(recall('blur') === 'yes');
  starting = $state(false);
  /** The camera is off until the blur is ready. Then the camera goes on again by itself. */
  held = $state(false);
  /** The blur ended by itself. The camera opens again only when the person presses the switch. */
  exposed = false;
  /** The reason why the blur and the camera went off. The value stays until the person reads it or the camera goes on again. */
  lost = $state<Trouble | null>(null);
  /** Counts the blurs that were released. Messages of an older blur are ignored. */
  private era = 0;
  private failures = 0;
  /** The blur of the camera's driver is tried first, until the system takes that blur away. */
  private driver = true;
  /** The queue of changes of the camera's processor. The client library ends a processor that is set twice at the same time. */
  private changing: Promise<void> = Promise.resolve();

  /**
   * `blur`: the blur that ran before the meeting. `driverEnded`: called when the driver stopped its blur and the page is
   * about to blur.
   */
  constructor(
    private readonly room: Room,
    private blur: Blur | null,
    private readonly driverEnded: () => void,
    private readonly reopen: () => Promise<void>,
  ) {
    if (blur !== null) blur.gaveUp = (why) => void this.giveUp(0, why);
    room.on(RoomEvent.LocalTrackPublished, (publication) => void this.published(publication));
  }

  /**
   * Prepare the blur before a camera is opened or sent, so that the room is never visible without it. Return false if the
   * blur failed: the switch is off now, and the camera must stay off. `camera`: the camera's track, if the camera is already
   * open.
   */
  async ready(camera: MediaStreamTrack | null): Promise<boolean> {
    const { failures } = this;
    await this.prepare(camera);
    await this.put();
    const { videoCaptureDefaults } = this.room.options;
    if (videoCaptureDefaults !== undefined && this.camera() === null) setOrDelete(videoCaptureDefaults, this.on ? this.blur : null);
    return failures === this.failures;
  }

  /** Blur a track that is not sent yet. Return false as `ready` does. */
  async cover(track: LocalVideoTrack): Promise<boolean> {
    const { blur, era, failures } = this;
    if (!this.on || blur === null) return true;
    try {
      await track.setProcessor(blur);
    } catch (error) {
      await this.giveUp(era, whyOf(error));
    }
    return failures === this.failures;
  }

  async turn(on: boolean): Promise<void> {
    this.on = on;
    this.exposed = false;
    this.driver = true;
    remember('blur', on ? 'yes' : 'no');
    if (on) return this.begin();
    const blur = this.detach();
    const { era } = this;
    await this.strip(blur);
    if (this.held && era === this.era) await this.reopen();
  }

  close(): void {
    this.on = false;
    void this.detach()?.destroy();
  }

  private async begin(): Promise<void> {
    const { era } = this;
    this.lost = null;
    await this.hold();
    const camera = this.camera();
    await this.ready(camera === null || camera.isMuted ? null : camera.mediaStreamTrack);
    if (this.held && era === this.era) await this.reopen();
  }

  /** Load the blur. Return when the blur is ready, has failed, or is no longer wanted. */
  private async prepare(camera: MediaStreamTrack | null): Promise<void> {
    if (!this.on) return;
    const { era } = this;
    this.starting = true;
    try {
      const part = await import('../../blur/blur');
      if (era === this.era) {
        if (this.blur === null || this.blur.ended) this.blur = new part.Blur((why) => void this.giveUp(era, why), this.driver);
        await this.blur.prepare(camera);
      }
    } catch (error) {
      await this.giveUp(era, whyOf(error));
    }
    if (era === this.era) this.starting = false;
    else await this.prepare(camera);
  }

  /** Switch the camera off again if the person switched the blur on while the camera opened. `begin` switches the camera on. */
  async opened(): Promise<void> {
    if (this.on && this.starting) await this.hold();
  }

  /** Stop a camera that is already sent until the blur is ready. A driver blurs at once, so its camera stays on. */
  private async hold(): Promise<void> {
    const camera = this.camera();
    if (camera === null || camera.isMuted || (this.blur !== null && camera.getProcessor() === this.blur)) return;
    if (this.driver && (await blurNatively(camera.mediaStreamTrack, true))) return;
    this.held = true;
    await camera.mute();
  }

  private put(): Promise<void> {
    return this.change(async () => {
      const { blur, era } = this;
      const camera = this.camera();
      if (camera === null || !this.on || blur === null || camera.getProcessor() === blur) return;
      // `giveUp` is not awaited: it changes the processor too, in the same queue.
      await camera.setProcessor(blur).catch((error: unknown) => void this.giveUp(era, whyOf(error)));
    });
  }

  private detach(): Blur | null {
    const { blur } = this;
    const { videoCaptureDefaults } = this.room.options;
    if (videoCaptureDefaults !== undefined) setOrDelete(videoCaptureDefaults, null);
    this.era += 1;
    this.starting = false;
    this.blur = null;
    return blur;
  }

  private async strip(blur: Blur | null): Promise<void> {
    await blur?.destroy();
    await this.change(async () => {
      const camera = this.camera();
      if (camera === null || blur === null || camera.getProcessor() !== blur) return;
      // A camera that is off cannot take its own constraints again. The client library then throws, but it has already released
      // the blur.
      await camera.stopProcessor().catch(() => undefined);
    });
  }

  private change(act: () => Promise<void>): Promise<void> {
    this.changing = this.changing.then(act);
    return this.changing;
  }

  /** Give the blur up. The camera goes off before the blur does. */
  private async giveUp(era: number, why: Trouble): Promise<void> {
    if (era !== this.era || !this.on) return;
    if (why === 'driver') return this.takeOver();
    const blur = this.detach();
    this.failures += 1;
    this.on = false;
    this.held = false;
    this.lost = why;
    this.exposed = true;
    remember('blur', 'no');
    await this.darken();
    await this.strip(blur);
  }

  /**
   * Take the blur over from the driver. The camera goes dark at once, stays off until the page blurs, and then goes on again.
   */
  private async takeOver(): Promise<void> {
    const camera = this.camera();
    const open = camera !== null && !camera.isMuted;
    if (open) camera.mediaStreamTrack.enabled = false;
    const blur = this.detach();
    const { era } = this;
    this.driver = false;
    this.driverEnded();
    if (open) this.held = true;
    await this.darken();
    await this.strip(blur);
    if (era === this.era && this.on) await this.begin();
  }

  /**
   * Correct a camera that was just published. The switch may have changed, or the blur may have failed, while the camera was
   * being published.
   */
  private async published(publication: LocalTrackPublication): Promise<void> {
    const camera = this.camera();
    if (camera === null || publication.track !== camera) return;
    const processor = camera.getProcessor();
    if (this.on && (this.blur === null || processor !== this.blur)) return this.begin();
    if (this.on || processor === undefined) return;
    await camera.mute();
    await camera.stopProcessor().catch(() => undefined);
  }

  /**
   * Stop the published camera at once. The client library's own switch waits for all tracks that a new connection publishes,
   * and fails if one of them fails. The library's switch is used only for a camera that is not published yet.
   */
  private async darken(): Promise<void> {
    if (this.camera() === null) await this.room.localParticipant.setCameraEnabled(false).catch(() => undefined);
    await this.camera()?.mute();
  }

  private camera(): LocalVideoTrack | null {
    const track = this.room.localParticipant.getTrackPublication(Track.Source.Camera)?.track;
    return track instanceof LocalVideoTrack ? track : null;
  }
}

function setOrDelete(defaults: VideoCaptureOptions, blur: Blur | null): void {
  if (blur === null) delete defaults.processor;
  else defaults.processor = blur;
}
