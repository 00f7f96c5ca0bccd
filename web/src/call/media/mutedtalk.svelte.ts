/**
 * Notices when the person talks while the microphone is off. The page analyses a copy of the device's own track, only while
 * the device is open anyway. Nothing of the copy is sent, and no device is opened for it.
 */
import { watchLevel } from '../../devices/level';

/**
 * Chosen. The level of a voice near the microphone; it lies above the loudspeaker's sound that remains in the microphone.
 * Larger: quiet speakers get no hint. Smaller: noise causes the hint.
 */
const VOICE = 0.3;
/** The same level while other people are heard, because the loudspeaker is then loud in the microphone. */
const VOICE_OVER_OTHERS = 0.5;
/**
 * Chosen. Of the last 8 looks (ten a second) 4 must hear a voice. More: short sentences cause no hint. Fewer: a cough or a
 * key causes the hint.
 */
const LOOKS = 8;
const HEARD_IN = 4;
/**
 * Milliseconds for which the hint is shown. Chosen. Longer: the hint stays after the person has stopped. Shorter: people do
 * not see the hint.
 */
const SHOWN_MS = 4_000;
/** Chosen. The pause after a hint, before the next hint. Longer: a person talks unheard. Shorter: the hint annoys. */
const REST_MS = 10_000;

/** Counts looks at the level. Pure: levels and times in, the decision to show the hint out. */
export class Talk {
  private looks: boolean[] = [];
  private told_ms = -Infinity;

  next(level: number, others: boolean, now_ms: number): boolean {
    this.looks = [...this.looks, level >= (others ? VOICE_OVER_OTHERS : VOICE)].slice(-LOOKS);
    const talks = this.looks.filter(Boolean).length >= HEARD_IN;
    const since_ms = now_ms - this.told_ms;
    if (talks && since_ms >= SHOWN_MS + REST_MS) this.told_ms = now_ms;
    return now_ms - this.told_ms < SHOWN_MS;
  }
}

export class MutedTalk {
  /** The hint is visible now. */
  told = $state(false);
  private stop: () => void = () => undefined;

  /**
   * Watch a microphone. `source`: the track of a microphone that is open and off; null: there is none. `others`: another
   * participant speaks now.
   */
  listen(source: MediaStreamTrack | null, others: () => boolean): void {
    this.close();
    if (source === null || source.readyState !== 'live') return;
    const copy = source.clone();
    copy.enabled = true;
    const talk = new Talk();
    const unwatch = watchLevel(copy, (level) => (this.told = talk.next(level, others(), performance.now())));
    this.stop = () => {
      unwatch();
      copy.stop();
    };
  }

  close(): void {
    this.stop();
    this.stop = () => undefined;
    this.told = false;
  }
}
