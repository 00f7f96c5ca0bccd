import { aborted } from '../browser/aborted';

/** A test sound of two notes through a chosen speaker. */
const NOTES_HZ = [523.25, 783.99];
const NOTE_S = 0.45;

export async function playChime(speaker: string, stop = new AbortController().signal): Promise<void> {
  const context = new AudioContext();
  const outlet = context.createMediaStreamDestination();
  NOTES_HZ.forEach((pitch_hz, index) => ring(context, outlet, pitch_hz, context.currentTime + 0.05 + index * NOTE_S));
  const player = new Audio();
  player.srcObject = outlet.stream;
  try {
    if (speaker !== '' && 'setSinkId' in player) await player.setSinkId(speaker);
    await player.play();
    await Promise.race([aborted(stop), new Promise((resolve) => setTimeout(resolve, (NOTES_HZ.length * NOTE_S + 0.4) * 1000))]);
  } finally {
    player.srcObject = null;
    await context.close();
  }
}

function ring(context: AudioContext, outlet: AudioNode, pitch_hz: number, start_s: number): void {
  const tone = context.createOscillator();
  const gain = context.createGain();
  tone.frequency.value = pitch_hz;
  gain.gain.setValueAtTime(0.0001, start_s);
  gain.gain.exponentialRampToValueAtTime(0.25, start_s + 0.03);
  gain.gain.exponentialRampToValueAtTime(0.0001, start_s + NOTE_S);
  tone.connect(gain).connect(outlet);
  tone.start(start_s);
  tone.stop(start_s + NOTE_S);
}
