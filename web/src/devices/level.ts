/** How loud a microphone is, ten times a second: 0 (silence) to 1. */
const PERIOD_MS = 100;
/** Below this a room's noise, above it a voice: about -46 dB of full scale. */
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

/** Root mean square on a scale of decibels, -60 dB..-6 dB spread over 0..1: what an ear calls half as loud moves half as far. */
export function levelOf(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < samples.length; index += 1) sum += (samples[index] ?? 0) ** 2;
  const level_db = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12);
  return Math.min(1, Math.max(0, (level_db + 60) / 54));
}
