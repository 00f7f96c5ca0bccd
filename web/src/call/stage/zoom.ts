/** The enlargement of a presentation: how large it is, and which part of it is visible. Pure; all sizes in CSS pixels. */
import type { Size } from './layout';

export interface Point {
  x: number;
  y: number;
}

/** `x` and `y`: how far the centre of the picture is from the centre of the area. */
export interface Zoom extends Point {
  scale: number;
}

export const WHOLE: Zoom = { scale: 1, x: 0, y: 0 };
/** Chosen. Larger: single pixels fill the screen. Smaller: people cannot read a dense table on a phone. */
export const MOST_SCALE = 6;
/** Chosen. The enlargement after a double tap. Larger: people lose their place. Smaller: the text stays small. */
export const TAPPED_SCALE = 2.5;
/** Chosen. The factor of one press of a key or button. Larger: the picture jumps. Smaller: people press many times. */
export const STEP = 1.25;
/** CSS pixels that the picture moves with one press of an arrow key. */
export const NUDGE_PX = 80;

/** Return the size of a picture that fits into the area without cropping. An unknown picture has the size of the area. */
export function fitted(area: Size, picture: Size): Size {
  if (picture.width <= 0 || picture.height <= 0) return area;
  const scale = Math.min(area.width / picture.width, area.height / picture.height);
  return { width: picture.width * scale, height: picture.height * scale };
}

/** Return the zoom changed by a factor. The point `at` of the picture stays at its place; `at` counts from the centre. */
export function zoomed(now: Zoom, factor: number, at: Point, area: Size, fit: Size): Zoom {
  const scale = Math.min(MOST_SCALE, Math.max(1, now.scale * factor));
  const by = scale / now.scale;
  return bounded({ scale, x: at.x - (at.x - now.x) * by, y: at.y - (at.y - now.y) * by }, area, fit);
}

export function moved(now: Zoom, by: Point, area: Size, fit: Size): Zoom {
  return bounded({ scale: now.scale, x: now.x + by.x, y: now.y + by.y }, area, fit);
}

/** Return the zoom without empty bands that a smaller move would avoid. */
function bounded({ scale, x, y }: Zoom, area: Size, fit: Size): Zoom {
  const free_x = Math.max(0, (fit.width * scale - area.width) / 2);
  const free_y = Math.max(0, (fit.height * scale - area.height) / 2);
  return { scale, x: Math.min(free_x, Math.max(-free_x, x)), y: Math.min(free_y, Math.max(-free_y, y)) };
}

/**
 * Milliseconds and CSS pixels between two taps that count as a double tap. Chosen. Larger: two slow taps change the picture.
 * Smaller: old hands are too slow.
 */
const DOUBLE_TAP_MS = 350;
const DOUBLE_TAP_PX = 32;

export interface Tap extends Point {
  at_ms: number;
}

export function isDoubleTap(before: Tap | null, tap: Tap): boolean {
  if (before === null || tap.at_ms - before.at_ms > DOUBLE_TAP_MS) return false;
  return Math.hypot(tap.x - before.x, tap.y - before.y) <= DOUBLE_TAP_PX;
}
