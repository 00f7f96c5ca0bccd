/**
 * Sends the user's own camera and microphone: the layers of the camera and the filter of the microphone. This class does not
 * switch them on or off.
 */
import { LocalAudioTrack, LocalVideoTrack, RoomEvent, Track, VideoQuality, type Room } from 'livekit-client';
import { recall, remember } from '../../browser/memory';
import { sentOf, type Saving } from './saving';

interface Told {
  isSvc: boolean;
  layers: Parameters<LocalVideoTrack['setPublishingLayers']>[1];
}

export class Sending {
  /** True if the browser filters noise out of the microphone. */
  quiet = $state(recall('noiseFilter') !== 'no');

  /** The server's last message about the layers, for each camera that is or was published. Null: no message came yet. */
  private readonly told = new WeakMap<LocalVideoTrack, Told | null>();

  private fitting = false;

  /**
   * `refused`: the browser did not take the settings of the mode. `misfit`: another camera with another resolution is open,
   * and it needs another number of layers than was published. The server cannot control such layers. `refit` repairs the
   * layers when no other change of the camera runs.
   */
  constructor(
    private readonly room: Room,
    private saving: Saving,
    private readonly refused: () => void,
    private readonly misfit: () => void,
  ) {
    room.on(RoomEvent.LocalTrackPublished, ({ track }) => {
      if (track instanceof LocalVideoTrack && track.source === Track.Source.Camera) void this.begin(track);
      // The answer for another track may have switched unused layers on.
      else void this.fit(this.saving);
    });
  }

  /**
   * Apply a new mode. The camera stays open in its size. A camera that opens again for smaller pictures has fewer layers than
   * were published. Chromium then sends only the first of those layers, a quarter of a picture that is small already (96x54).
   */
  async fit(saving: Saving): Promise<void> {
    this.saving = saving;
    const camera = this.camera();
    if (camera === null || !this.told.has(camera)) return;
    if (isMisfit(camera)) return this.misfit();
    this.fitting = true;
    await this.apply(camera).finally(() => (this.fitting = false));
  }

  /**
   * Publish a camera again if its layers are not the published layers. Throw the errors of publishing; the camera is closed
   * then.
   */
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

  /** Forget the chosen camera. Return false if no exact camera was chosen. */
  forgetCamera(): boolean {
    const wishes = [this.room.options.videoCaptureDefaults, this.camera()?.constraints].filter((one) => one?.deviceId !== undefined);
    wishes.forEach((one) => delete one?.deviceId);
    return wishes.length > 0;
  }

  /** Fit the layers after the camera opened again, perhaps another camera. */
  async opened(): Promise<void> {
    // Internal to the library, whose version is pinned. The library forgets this call here. The layers depend on the size of
    // the picture.
    await (this.camera() as unknown as { onSenderTrackSwapped(): Promise<void> } | null)?.onSenderTrackSwapped();
    await this.fit(this.saving);
  }

  /**
   * For each layer of the camera: whether a participant views it. Null: the camera is off, or the server has not said it yet.
   */
  get wanted(): boolean[] | null {
    const camera = this.camera();
    const told = camera === null || camera.isMuted ? null : this.told.get(camera);
    return told ? told.layers.map((one) => one.enabled) : null;
  }

  private camera(): LocalVideoTrack | null {
    const track = this.room.localParticipant.getTrackPublication(Track.Source.Camera)?.track;
    return track instanceof LocalVideoTrack ? track : null;
  }

  /**
   * Begin with a camera that was published with all layers. After a second publication the server's earlier messages are
   * invalid.
   */
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
   * Watch the server's messages about wanted layers, while the track lives. The method is internal to the library, whose
   * version is pinned.
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
      // The client library asks for any device when no device is set.
      deviceId: { ideal: device ?? 'default' },
    });
  }
}

function isMisfit(camera: LocalVideoTrack): boolean {
  // Internal to the library, whose version is pinned: the encodings that the library would publish for the present picture
  // size.
  const { encodings } = camera as unknown as { encodings?: readonly unknown[] };
  const published = camera.sender?.getParameters().encodings.length;
  return encodings !== undefined && published !== undefined && published !== encodings.length;
}
