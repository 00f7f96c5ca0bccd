/**
 * The bandwidth that the meeting may use: the pictures that are received, and the size in which the user's own picture is
 * sent. Pure.
 */
import { VideoPresets, VideoQuality, type VideoResolution } from 'livekit-client';
import { recall, remember } from '../../browser/memory';

/** `low`: people as small pictures, presentations in full size. `sound`: no pictures at all. */
export type Saving = 'full' | 'low' | 'sound';
export const SAVINGS: readonly Saving[] = ['full', 'low', 'sound'];

/** A viewer's wish for one picture. `auto`: as large as its place on the screen. */
export type Wish = 'auto' | 'medium' | 'low' | 'none';
export const WISHES: readonly Wish[] = ['auto', 'medium', 'low', 'none'];

/** Return the stored mode. An earlier version stored `yes` for its only mode: no pictures of people. */
export function recalledSaving(): Saving {
  const kept = recall('dataSaving');
  if (kept === 'yes') return 'sound';
  return SAVINGS.find((one) => one === kept) ?? 'full';
}

export function keepSaving(saving: Saving): void {
  remember('dataSaving', saving);
}

/** Return the best layer to ask for. Null: the picture is not received. */
export function mostOf(wish: Wish, saving: Saving, screen: boolean): VideoQuality | null {
  if (wish === 'none') return null;
  if (wish === 'low' || (saving === 'low' && !screen)) return VideoQuality.LOW;
  return wish === 'medium' ? VideoQuality.MEDIUM : VideoQuality.HIGH;
}

/**
 * Return which layers of the user's own picture are sent, from the layers that viewers want. A person who saves data sends
 * only the smallest layer, in place of any other layer, so that viewers always get a picture.
 */
export function sentOf(wanted: readonly { quality: number; enabled: boolean }[], saving: Saving): boolean[] {
  const any = wanted.some((one) => one.enabled);
  return wanted.map((one) => (saving === 'full' ? one.enabled : any && one.quality === (VideoQuality.LOW as number)));
}

/**
 * Return the size in which the user's own camera is opened. A phone opens a smaller size, because of its line, its battery
 * and its small place on the screen.
 */
export function cameraSize(phone: boolean): VideoResolution {
  return (phone ? VideoPresets.h540 : VideoPresets.h720).resolution;
}
