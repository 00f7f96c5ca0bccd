/** How one's own camera and microphone are sent: the camera's layers, the filter of the microphone. Owns no switch on or off. */
import { LocalAudioTrack, LocalVideoTrack, RoomEvent, Track, VideoQuality, type Room } from 'livekit-client';
import { recall, remember } from '../memory';
import { sentOf, type Saving } from './saving';

export class Sending {
  /** Whether the browser filters noise out of the microphone. */
  quiet = $state(recall('noiseFilter') !== 'no');

  private saving: Saving = 'full';
  /** Cameras whose layers are chosen here. */
  private readonly chosen = new WeakSet<LocalVideoTrack>();

  constructor(private readonly room: Room) {
    // Whoever comes back wholly publishes anew, with all layers.
    room.on(RoomEvent.LocalTrackPublished, () => this.fit(this.saving));
  }

  /**
   * After a change of the mode, and whenever the camera was switched on. The camera stays as it was opened: opened anew for smaller
   * pictures it would have fewer layers than it was published with, and Chromium sends the first of those alone, a quarter of
   * what is small already (96x54).
   */
  fit(saving: Saving): void {
    const before = this.saving;
    this.saving = saving;
    const camera = this.room.localParticipant.getTrackPublication(Track.Source.Camera)?.track;
    if (!(camera instanceof LocalVideoTrack) || (saving === 'full' && before === 'full')) return;
    if (!this.chosen.has(camera)) this.choose(camera);
    // The server tells what is wanted when that changes; until then all of it may be.
    camera.setPublishingQuality(VideoQuality.HIGH);
  }

  /** What the server says of the layers that are wanted passes through here, as long as the track lives. */
  private choose(camera: LocalVideoTrack): void {
    this.chosen.add(camera);
    const set = camera.setPublishingLayers.bind(camera);
    camera.setPublishingLayers = (isSvc, wanted) => {
      const sent = sentOf(wanted, this.saving);
      return set(isSvc, wanted.map((one, at) => Object.assign(one.clone(), { enabled: sent[at] })));
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
