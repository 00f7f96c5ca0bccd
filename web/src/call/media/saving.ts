/** How much of the line the meeting may take: what is received of others, and how large one's own picture is sent. Pure. */
import { VideoPresets, VideoQuality, type VideoResolution } from 'livekit-client';
import { recall, remember } from '../../browser/memory';

/** `low`: people as small pictures, presentations whole. `sound`: no pictures at all. */
export type Saving = 'full' | 'low' | 'sound';
export const SAVINGS: readonly Saving[] = ['full', 'low', 'sound'];

/** What one viewer wants of one picture; `auto`: as large as it is shown. */
export type Wish = 'auto' | 'medium' | 'low' | 'none';
export const WISHES: readonly Wish[] = ['auto', 'medium', 'low', 'none'];

/** `yes` was the one mode of an earlier version: no pictures of people. */
export function recalledSaving(): Saving {
  const kept = recall('dataSaving');
  if (kept === 'yes') return 'sound';
  return SAVINGS.find((one) => one === kept) ?? 'full';
}

export function keepSaving(saving: Saving): void {
  remember('dataSaving', saving);
}

/** The best layer that is asked for; null: the picture is not received. */
export function mostOf(wish: Wish, saving: Saving, screen: boolean): VideoQuality | null {
  if (wish === 'none') return null;
  if (wish === 'low' || (saving === 'low' && !screen)) return VideoQuality.LOW;
  return wish === 'medium' ? VideoQuality.MEDIUM : VideoQuality.HIGH;
}

/**
 * Which layers of one's own picture go out, for those that its viewers want: of who saves the smallest alone, instead of any
 * other, so that there is always one to be seen.
 */
export function sentOf(wanted: readonly { quality: number; enabled: boolean }[], saving: Saving): boolean[] {
  const any = wanted.some((one) => one.enabled);
  return wanted.map((one) => (saving === 'full' ? one.enabled : any && one.quality === (VideoQuality.LOW as number)));
}

/** The size in which the own camera is opened. A phone's is smaller: its line, its battery, and how it is shown. */
export function cameraSize(phone: boolean): VideoResolution {
  return (phone ? VideoPresets.h540 : VideoPresets.h720).resolution;
}
