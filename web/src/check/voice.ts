import { aborted } from '../browser/aborted';

/** What others would hear: the voice as it came back from the server, kept in memory for a few seconds and played once asked. */
export class Returned {
  private readonly recorder: MediaRecorder | null;
  private readonly pieces: Blob[] = [];
  private readonly drain = new Audio();

  constructor(track: MediaStreamTrack) {
    const stream = new MediaStream([track]);
    // Chromium hands the sound of a connection on only while an element takes it.
    this.drain.srcObject = stream;
    this.drain.muted = true;
    void this.drain.play().catch(() => undefined);
    this.recorder = typeof MediaRecorder === 'function' ? new MediaRecorder(stream) : null;
    this.recorder?.addEventListener('dataavailable', (event) => this.pieces.push(event.data));
    this.recorder?.start();
  }

  /** What was heard until now; null where the browser records nothing. */
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

/** Through the chosen speaker; ends with the sound, or when it is to stop. */
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
