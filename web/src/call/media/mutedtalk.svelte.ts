/**
 * Whether somebody talks whose microphone is off. A copy of the device's own track is listened to in this page alone, only while the
 * device is open anyway: nothing of it is sent, and no device is opened for it.
 */
import { watchLevel } from '../../devices/level';

/** Of a voice near the microphone; above what a loudspeaker leaves of others in it. */
const VOICE = 0.3;
const VOICE_OVER_OTHERS = 0.5;
/** So many of the last looks (ten a second) have to hear it: a cough or a key is none. */
const LOOKS = 8;
const HEARD_IN = 4;
const SHOWN_MS = 4_000;
/** It is told again only after a rest. */
const REST_MS = 10_000;

/** Counts looks at the level. Pure: levels and times in, whether to tell out. */
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
  /** It is to be told now. */
  told = $state(false);
  private stop: () => void = () => undefined;

  /** `source`: of a microphone that is open and off; null: there is none. `others`: somebody else speaks now. */
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
