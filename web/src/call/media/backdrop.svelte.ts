/**
 * The blur of one's own camera in the meeting: switched, kept over every opening of the camera. Where it cannot be, or no longer,
 * the camera goes off: a room that was to be blurred is never shown unasked. What the camera's driver no longer blurs, the page does.
 */
import { LocalVideoTrack, RoomEvent, Track, type LocalTrackPublication, type Room, type VideoCaptureOptions } from 'livekit-client';
import type { Blur, Trouble } from '../../blur/blur';
import { blurNatively } from '../../blur/native';
import { whyOf } from '../../blur/own.svelte';
import { recall, remember } from '../../browser/memory';

export class Backdrop {
  on = $state(recall('blur') === 'yes');
  starting = $state(false);
  /** The camera is off until the blur is ready, and goes on again by itself. */
  held = $state(false);
  /** The blur ended by itself: no camera opens again but by a press. */
  exposed = false;
  /** Why there is no blur any more, and the camera off with it; stands until it is read or the camera goes on again. */
  lost = $state<Trouble | null>(null);
  /** Counts the blurs that were let go: what an older one still says concerns nobody. */
  private era = 0;
  private failures = 0;
  /** The camera's own is asked, until the system takes it away. */
  private driver = true;
  /** One change of the camera's processor after the other: the client library ends one that is set twice. */
  private changing: Promise<void> = Promise.resolve();

  /** `blur`: the one that ran before the meeting. `driverEnded`: it blurs no more, the page is about to. */
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
   * Before a camera is opened or sent: nobody sees the room for a moment. False: it was to be blurred and cannot be; the switch is
   * off now, and the camera stays off. `camera`: the one, where it is open already.
   */
  async ready(camera: MediaStreamTrack | null): Promise<boolean> {
    const { failures } = this;
    await this.prepare(camera);
    await this.put();
    const { videoCaptureDefaults } = this.room.options;
    if (videoCaptureDefaults !== undefined && this.camera() === null) setOrDelete(videoCaptureDefaults, this.on ? this.blur : null);
    return failures === this.failures;
  }

  /** A track that is not sent yet. False: as `ready`. */
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

  /** Loads what blurs. Returns when it is there, given up, or no longer wished. */
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

  /** The blur was switched on while the camera opened: off again, until `begin` has it. */
  async opened(): Promise<void> {
    if (this.on && this.starting) await this.hold();
  }

  /** A picture that is already sent goes off until it is blurred; a driver needs no time. */
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
      // Not waited for: giving up changes the processor too.
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
      // A camera that is off cannot take its own constraints again; the client library minds, and has let the blur go by then.
      await camera.stopProcessor().catch(() => undefined);
    });
  }

  private change(act: () => Promise<void>): Promise<void> {
    this.changing = this.changing.then(act);
    return this.changing;
  }

  /** The camera goes off before the blur does. */
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

  /** From the driver: the camera is dark at once, off until the page blurs, and on again. */
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

  /** The switch may have moved, or the blur have died, while a camera was on its way to the others. */
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
   * What others have at once: the client library's own switch waits for all that is published in a call that is made anew, and fails
   * where anything of that does. What is on its way to them when it is there.
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
