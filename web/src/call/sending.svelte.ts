/** How one's own camera and microphone are sent: the camera's size, the filter of the microphone. Owns no switch on or off. */
import { LocalAudioTrack, LocalVideoTrack, Track, type Room } from 'livekit-client';
import { recall, remember } from '../memory';
import { cameraSize, type Saving } from './saving';

export class Sending {
  /** Whether the browser filters noise out of the microphone. */
  quiet = $state(recall('noiseFilter') !== 'no');

  /** Height for which the camera was opened last; 0: by the page before the meeting, as large as can be. */
  private opened = 0;

  constructor(
    private readonly room: Room,
    private readonly phone: boolean,
  ) {}

  /** After a change of the mode, and whenever the camera was switched on: it opens as it was the last time. */
  async fit(saving: Saving): Promise<void> {
    const size = cameraSize(saving, this.phone);
    const { videoCaptureDefaults } = this.room.options;
    if (videoCaptureDefaults !== undefined) videoCaptureDefaults.resolution = size;
    const camera = this.room.localParticipant.getTrackPublication(Track.Source.Camera)?.track;
    const wanted = saving === 'full' && this.opened === 0 ? 0 : size.height;
    if (!(camera instanceof LocalVideoTrack) || camera.isMuted || wanted === this.opened) return;
    const device = await camera.getDeviceId(false);
    await camera.restartTrack({ resolution: size, ...(device === undefined ? { facingMode: 'user' as const } : { deviceId: { ideal: device } }) });
    this.opened = wanted;
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
