/** The options with which the client library joins, captures and publishes. */
import { DefaultReconnectPolicy, VideoPresets, type RoomOptions, type VideoResolution } from 'livekit-client';
import { recall } from '../../browser/memory';
import type { Entry } from './entry';

/**
 * Ms between two attempts to reconnect. The library varies each value by up to half. Chosen: a server that restarts is back
 * within a second, and the total is as long as the library's ten attempts. The first value is also the wait after the server
 * asks a page to join again; the library turns a 0 into up to 500 ms. Longer: a call stays lost for longer. Shorter: all
 * clients burden a server that starts.
 */
const RETRY_MS = [100, 300, 300, 600, 600, 1200, 1200, 2700, 2700, 4800, 7000, 7000, 7000, 7000, 7000];

export function roomOptions(entry: Entry, resolution: VideoResolution): RoomOptions {
  const { camera, microphone, speaker } = entry.chosen;
  return {
    adaptiveStream: { pixelDensity: 'screen', pauseVideoInBackground: false },
    dynacast: true,
    // The PC of a hall that loads its page again takes its place over: the meeting sees no coming and going.
    disconnectOnPageLeave: entry.hall !== true,
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
