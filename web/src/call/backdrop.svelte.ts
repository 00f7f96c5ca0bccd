/** The blur of one's own camera in the meeting: switched, kept over every opening of the camera, given up where it cannot be. */
import { LocalVideoTrack, Track, type Room, type VideoCaptureOptions } from 'livekit-client';
import type { Blur, Trouble } from '../blur/blur';
import { whyOf } from '../blur/own.svelte';
import { recall, remember } from '../memory';

export class Backdrop {
  on = $state(recall('blur') === 'yes');
  starting = $state(false);

  /** `blur`: the one that ran before the meeting. `tell`: there is no blur any more, and why. */
  constructor(
    private readonly room: Room,
    private blur: Blur | null,
    private readonly tell: (why: Trouble) => void,
  ) {
    if (blur !== null) blur.gaveUp = (why) => void this.giveUp(why);
  }

  /**
   * Before a camera is opened or sent: nobody sees the room for a moment. False: it was to be blurred and cannot be; the switch is
   * off now. `camera`: the one, where it is open already.
   */
  async ready(camera: MediaStreamTrack | null): Promise<boolean> {
    const blur = await this.prepared(camera);
    const { videoCaptureDefaults } = this.room.options;
    if (videoCaptureDefaults !== undefined && this.camera() === null) setOrDelete(videoCaptureDefaults, blur);
    return blur !== null || !this.on;
  }

  /** A track that is not sent yet. */
  async cover(track: LocalVideoTrack): Promise<void> {
    if (this.on && this.blur !== null) await track.setProcessor(this.blur);
  }

  async turn(on: boolean): Promise<void> {
    this.on = on;
    remember('blur', on ? 'yes' : 'no');
    const camera = this.camera();
    if (!on) return this.clear(camera);
    if (await this.ready(camera === null || camera.isMuted ? null : camera.mediaStreamTrack)) await this.put(camera);
  }

  close(): void {
    void this.blur?.destroy();
  }

  private async put(camera: LocalVideoTrack | null): Promise<void> {
    if (camera !== null && this.on && this.blur !== null && camera.getProcessor() !== this.blur) await camera.setProcessor(this.blur);
  }

  private async clear(camera: LocalVideoTrack | null): Promise<void> {
    const { videoCaptureDefaults } = this.room.options;
    if (videoCaptureDefaults !== undefined) setOrDelete(videoCaptureDefaults, null);
    const blur = this.blur;
    this.blur = null;
    // A camera that is off cannot take its own constraints again; the client library minds, and has let the blur go by then.
    await camera?.stopProcessor().catch(() => undefined);
    await blur?.destroy();
  }

  /** null: none is wanted, or it cannot be. */
  private async prepared(camera: MediaStreamTrack | null): Promise<Blur | null> {
    if (!this.on) return null;
    this.starting = true;
    try {
      const part = await import('../blur/blur');
      if (this.blur === null || this.blur.ended) this.blur = new part.Blur((why) => void this.giveUp(why));
      await this.blur.prepare(camera);
      return this.on ? this.blur : null;
    } catch (error) {
      await this.giveUp(whyOf(error));
      return null;
    } finally {
      this.starting = false;
    }
  }

  private async giveUp(why: Trouble): Promise<void> {
    if (!this.on) return;
    this.tell(why);
    await this.turn(false);
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
