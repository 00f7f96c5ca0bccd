/** How one's own camera and microphone are sent: the camera's layers, the filter of the microphone. Owns no switch on or off. */
import { LocalAudioTrack, LocalVideoTrack, RoomEvent, Track, VideoQuality, type Room } from 'livekit-client';
import { recall, remember } from '../../browser/memory';
import { sentOf, type Saving } from './saving';

interface Told {
  isSvc: boolean;
  layers: Parameters<LocalVideoTrack['setPublishingLayers']>[1];
}

export class Sending {
  /** Whether the browser filters noise out of the microphone. */
  quiet = $state(recall('noiseFilter') !== 'no');

  /** Of each camera that is or was published: what the server said last of its layers; null: nothing yet. */
  private readonly told = new WeakMap<LocalVideoTrack, Told | null>();

  private fitting = false;

  /**
   * `refused`: the browser did not take what the mode asks for. `misfit`: the camera has other layers than were published, which obey
   * nobody any more (another device, with fewer lines); `refit` mends it, when nothing else changes the camera.
   */
  constructor(
    private readonly room: Room,
    private saving: Saving,
    private readonly refused: () => void,
    private readonly misfit: () => void,
  ) {
    room.on(RoomEvent.LocalTrackPublished, ({ track }) => {
      if (track instanceof LocalVideoTrack && track.source === Track.Source.Camera) void this.begin(track);
      // The answer for another track may have switched on layers that rested.
      else void this.fit(this.saving);
    });
  }

  /**
   * The mode has changed. The camera stays as it was opened: opened anew for smaller pictures it would have fewer layers than it
   * was published with, and Chromium sends the first of those alone, a quarter of what is small already (96x54).
   */
  async fit(saving: Saving): Promise<void> {
    this.saving = saving;
    const camera = this.camera();
    if (camera === null || !this.told.has(camera)) return;
    if (isMisfit(camera)) return this.misfit();
    this.fitting = true;
    await this.apply(camera).finally(() => (this.fitting = false));
  }

  /** Publishes a camera anew whose layers are not those that were published. Throws what publishing throws; the camera is closed then. */
  async refit(): Promise<void> {
    const camera = this.camera();
    if (camera === null || camera.isMuted || !isMisfit(camera)) return;
    try {
      await this.room.localParticipant.unpublishTrack(camera, false);
      await this.room.localParticipant.publishTrack(camera, { source: Track.Source.Camera });
    } catch (error) {
      camera.stop();
      throw error;
    }
  }

  /** False: none was chosen that had to be it. */
  forgetCamera(): boolean {
    const wishes = [this.room.options.videoCaptureDefaults, this.camera()?.constraints].filter((one) => one?.deviceId !== undefined);
    wishes.forEach((one) => delete one?.deviceId);
    return wishes.length > 0;
  }

  /** The camera was opened again, perhaps another one than before. */
  async opened(): Promise<void> {
    // Internal to the library, whose version is pinned, which forgets it here: layers go by the size of the picture.
    await (this.camera() as unknown as { onSenderTrackSwapped(): Promise<void> } | null)?.onSenderTrackSwapped();
    await this.fit(this.saving);
  }

  /** Of each layer of the camera, whether anybody looks at it; null: it is off, or the server has not said so yet. */
  get wanted(): boolean[] | null {
    const camera = this.camera();
    const told = camera === null || camera.isMuted ? null : this.told.get(camera);
    return told ? told.layers.map((one) => one.enabled) : null;
  }

  private camera(): LocalVideoTrack | null {
    const track = this.room.localParticipant.getTrackPublication(Track.Source.Camera)?.track;
    return track instanceof LocalVideoTrack ? track : null;
  }

  /** It has been published, with all layers; perhaps anew, and the server's words of before hold no longer. */
  private async begin(camera: LocalVideoTrack): Promise<void> {
    if (!this.told.has(camera)) this.listen(camera);
    this.told.set(camera, null);
    await this.apply(camera);
  }

  private async apply(camera: LocalVideoTrack): Promise<void> {
    const told = this.told.get(camera);
    if (told) await camera.setPublishingLayers(told.isSvc, told.layers);
    else if (this.saving !== 'full') camera.setPublishingQuality(VideoQuality.HIGH);
  }

  /**
   * What is said of the layers that are wanted passes through here, as long as the track lives. The method is internal to the
   * library, whose version is pinned.
   */
  private listen(camera: LocalVideoTrack): void {
    const set = camera.setPublishingLayers.bind(camera);
    camera.setPublishingLayers = async (isSvc, layers) => {
      this.told.set(camera, { isSvc, layers });
      if (isMisfit(camera)) return this.misfit();
      const sent = sentOf(layers, this.saving);
      try {
        await set(isSvc, layers.map((one, at) => Object.assign(one.clone(), { enabled: sent[at] })));
      } catch {
        if (this.fitting || this.saving !== 'full') this.refused();
      }
    };
  }

  async filterNoise(on: boolean): Promise<void> {
    this.quiet = on;
    remember('noiseFilter', on ? 'yes' : 'no');
    const { audioCaptureDefaults } = this.room.options;
    if (audioCaptureDefaults !== undefined) audioCaptureDefaults.noiseSuppression = on;
    const microphone = this.room.localParticipant.getTrackPublication(Track.Source.Microphone)?.track;
    if (!(microphone instanceof LocalAudioTrack)) return;
    const device = await microphone.getDeviceId(false);
    await microphone.restartTrack({
      echoCancellation: true,
      autoGainControl: true,
      noiseSuppression: on,
      // The client library asks without any wish when there is no device.
      deviceId: { ideal: device ?? 'default' },
    });
  }
}

function isMisfit(camera: LocalVideoTrack): boolean {
  // Internal to the library, whose version is pinned: what the picture as it is now would be published with.
  const { encodings } = camera as unknown as { encodings?: readonly unknown[] };
  const published = camera.sender?.getParameters().encodings.length;
  return encodings !== undefined && published !== undefined && published !== encodings.length;
}
