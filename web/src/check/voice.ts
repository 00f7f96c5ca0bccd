import { aborted } from '../browser/aborted';

/**
 * The voice that other people would hear. It came back from the server, stays in memory for some seconds, and is played on
 * request.
 */
export class Returned {
  private readonly recorder: MediaRecorder | null;
  private readonly pieces: Blob[] = [];
  private readonly drain = new Audio();

  constructor(track: MediaStreamTrack) {
    const stream = new MediaStream([track]);
    // Chromium passes on the sound of a connection only while an element plays it.
    this.drain.srcObject = stream;
    this.drain.muted = true;
    void this.drain.play().catch(() => undefined);
    this.recorder = typeof MediaRecorder === 'function' ? new MediaRecorder(stream) : null;
    this.recorder?.addEventListener('dataavailable', (event) => this.pieces.push(event.data));
    this.recorder?.start();
  }

  /** Return the sound so far. Null: the browser cannot record. */
  async stop(): Promise<AudioBuffer | null> {
    const { recorder } = this;
    if (recorder === null || recorder.state === 'inactive') return null;
    const stopped = new Promise((resolve) => recorder.addEventListener('stop', resolve, { once: true }));
    recorder.stop();
    await stopped;
    this.drain.srcObject = null;
    const context = new AudioContext();
    try {
      return await context.decodeAudioData(await new Blob(this.pieces).arrayBuffer());
    } catch {
      return null;
    } finally {
      await context.close();
    }
  }
}

/** Play a sound through the chosen speaker. Return at the end of the sound, or at the stop signal. */
export async function play(sound: AudioBuffer, speaker: string, stop: AbortSignal): Promise<void> {
  const context = new AudioContext();
  const outlet = context.createMediaStreamDestination();
  const source = context.createBufferSource();
  source.buffer = sound;
  source.connect(outlet);
  const player = new Audio();
  player.srcObject = outlet.stream;
  try {
    if (speaker !== '' && 'setSinkId' in player) await player.setSinkId(speaker);
    await player.play();
    const ended = new Promise((resolve) => source.addEventListener('ended', resolve, { once: true }));
    source.start();
    await Promise.race([aborted(stop), ended]);
  } finally {
    player.srcObject = null;
    await context.close();
  }
}
