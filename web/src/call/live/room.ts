/** How the client library joins, captures and publishes. */
import { DefaultReconnectPolicy, VideoPresets, type RoomOptions, type VideoResolution } from 'livekit-client';
import { recall } from '../../browser/memory';
import type { Entry } from './entry';

/** Between two attempts to come back, ms, each half shorter to half longer: a server that starts again is there within a second. In all as
 *  long as the library's own ten. The first is also what a page waits whom the server asks to join again; the library makes up to 500 of 0. */
const RETRY_MS = [100, 300, 300, 600, 600, 1200, 1200, 2700, 2700, 4800, 7000, 7000, 7000, 7000, 7000];

export function roomOptions(entry: Entry, resolution: VideoResolution): RoomOptions {
  const { camera, microphone, speaker } = entry.chosen;
  return {
    adaptiveStream: { pixelDensity: 'screen', pauseVideoInBackground: false },
    dynacast: true,
    reconnectPolicy: new DefaultReconnectPolicy(RETRY_MS),
    videoCaptureDefaults: {
      resolution,
      ...(camera === '' ? { facingMode: 'user' as const } : { deviceId: { ideal: camera } }),
    },
    audioCaptureDefaults: {
      echoCancellation: true,
      noiseSuppression: recall('noiseFilter') !== 'no',
      autoGainControl: true,
      ...(microphone === '' ? {} : { deviceId: { ideal: microphone } }),
    },
    audioOutput: speaker === '' ? {} : { deviceId: speaker },
    publishDefaults: {
      videoCodec: 'vp8',
      simulcast: true,
      videoSimulcastLayers: [VideoPresets.h180, VideoPresets.h360],
      dtx: true,
    },
  };
}
