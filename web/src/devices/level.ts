/** Reports the level of a microphone ten times a second, from 0 (silence) to 1. */
const PERIOD_MS = 100;
/**
 * Chosen: a root mean square of about -50 dB of full scale. The noise of a room is below it, a voice above it. Larger: a
 * quiet voice counts as silence. Smaller: noise counts as a voice.
 */
export const HEARD = 0.18;

export function watchLevel(track: MediaStreamTrack, tell: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  const source = context.createMediaStreamSource(new MediaStream([track]));
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    if (context.state !== 'running') void context.resume().catch(() => undefined);
    analyser.getFloatTimeDomainData(samples);
    tell(levelOf(samples));
  }, PERIOD_MS);
  return () => {
    clearInterval(timer);
    source.disconnect();
    void context.close();
  };
}

/**
 * Return the root mean square on a scale of decibels: -60 dB to -6 dB are spread over 0 to 1. A sound that seems half as loud
 * has half the value.
 */
export function levelOf(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < samples.length; index += 1) sum += (samples[index] ?? 0) ** 2;
  const level_db = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12);
  return Math.min(1, Math.max(0, (level_db + 60) / 54));
}
