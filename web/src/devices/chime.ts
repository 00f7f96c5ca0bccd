import { aborted } from '../browser/aborted';

const NOTE_S = 0.45;
/** The greatest gain of a note. Chosen. Greater: the sound startles. Smaller: nobody hears the sound in a meeting. */
const LOUD = 0.25;
const SOFT = 0.08;

/** Play a test sound of two notes through a chosen speaker. */
export function playChime(speaker: string, stop = new AbortController().signal): Promise<void> {
  return play([523.25, 783.99], LOUD, speaker, stop);
}

/** Play one soft note: the speaking time is nearly over, or over. */
export function playWarning(speaker: string): Promise<void> {
  return play([440], SOFT, speaker, new AbortController().signal);
}

async function play(notes_hz: readonly number[], gain: number, speaker: string, stop: AbortSignal): Promise<void> {
  const context = new AudioContext();
  const outlet = context.createMediaStreamDestination();
  notes_hz.forEach((pitch_hz, index) => ring(context, outlet, pitch_hz, gain, context.currentTime + 0.05 + index * NOTE_S));
  const player = new Audio();
  player.srcObject = outlet.stream;
  try {
    if (speaker !== '' && 'setSinkId' in player) await player.setSinkId(speaker);
    await player.play();
    await Promise.race([aborted(stop), new Promise((resolve) => setTimeout(resolve, (notes_hz.length * NOTE_S + 0.4) * 1000))]);
  } finally {
    player.srcObject = null;
    await context.close();
  }
}

function ring(context: AudioContext, outlet: AudioNode, pitch_hz: number, gain: number, start_s: number): void {
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.frequency.value = pitch_hz;
  volume.gain.setValueAtTime(0.0001, start_s);
  volume.gain.exponentialRampToValueAtTime(gain, start_s + 0.03);
  volume.gain.exponentialRampToValueAtTime(0.0001, start_s + NOTE_S);
  tone.connect(volume).connect(outlet);
  tone.start(start_s);
  tone.stop(start_s + NOTE_S);
}
