/**
 * How this person views the stage: full screen, the enlargement of a presentation, and whether the pointer rests. The state
 * belongs to the page only; no other participant notices it.
 */
import { isDoubleTap, moved, fitted, zoomed, TAPPED_SCALE, WHOLE, type Point, type Tap, type Zoom } from './zoom';
import type { Corner, Size } from './layout';

/**
 * Milliseconds without a move after which names and buttons leave the presentation. Chosen. Longer: they cover the slide.
 * Shorter: they disappear before people press them.
 */
const REST_MS = 4_000;
/** CSS pixels. A finger that moved less has tapped. Chosen. Larger: short moves are taps. Smaller: shaking hands never tap. */
const STILL_PX = 10;
/** The change of the enlargement for one CSS pixel of a wheel. Chosen. Larger: one notch jumps. Smaller: many notches. */
const WHEEL_PER_PX = 0.002;
/** CSS pixels of one line of a wheel that counts in lines (Firefox). */
const LINE_PX = 33;

export class Viewing {
  full = $state(false);
  zoom = $state.raw<Zoom>(WHOLE);
  /** No pointer has moved and no key was pressed for some time. */
  resting = $state(false);
  /** The user does not see the own picture. The other participants still see it. */
  ownHidden = $state(false);
  /** The corner of the user's own small picture. On a phone the notices lie at the lower edge. */
  corner = $state<Corner>('bottom-right');
  private surface: HTMLElement | null = null;
  private restTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly fingers = new Map<number, Point>();
  private travelled_px = 0;
  private tap: Tap | null = null;
  private readonly left = () => {
    if (document.fullscreenElement === null) this.full = false;
  };

  constructor(phone: boolean) {
    if (phone) this.corner = 'top-right';
    document.addEventListener('fullscreenchange', this.left);
    this.stir();
  }

  close(): void {
    clearTimeout(this.restTimer);
    document.removeEventListener('fullscreenchange', this.left);
    if (document.fullscreenElement !== null) void document.exitFullscreen().catch(() => undefined);
  }

  /** Switch full screen. A phone whose browser has no full screen gets the page without its header and bar. */
  async fill(on: boolean): Promise<void> {
    this.full = on;
    this.stir();
    try {
      if (on) await document.documentElement.requestFullscreen?.();
      else if (document.fullscreenElement !== null) await document.exitFullscreen();
    } catch {
      // The browser refused. The picture still fills the page.
    }
  }

  stir(): void {
    if (this.resting) this.resting = false;
    clearTimeout(this.restTimer);
    this.restTimer = setTimeout(() => (this.resting = true), REST_MS);
  }

  /** Zoom by a factor around the centre. */
  by(factor: number): void {
    this.change(factor, { x: 0, y: 0 });
  }

  whole(): void {
    this.zoom = WHOLE;
  }

  /** Move the visible part. Report whether the presentation is enlarged. */
  move(by: Point): boolean {
    if (this.surface === null || this.zoom.scale === 1) return false;
    const area = sizeOf(this.surface);
    this.zoom = moved(this.zoom, by, area, fitOf(this.surface, area));
    return true;
  }

  /** True while a presentation is the large picture. */
  get enlarges(): boolean {
    return this.surface !== null;
  }

  /** Let wheel, mouse and fingers enlarge the picture in this element. A new picture begins whole. */
  hold = (surface: HTMLElement): (() => void) => {
    this.surface = surface;
    this.whole();
    const heard: [string, (event: never) => void][] = [
      ['wheel', (event: WheelEvent) => this.wheeled(event)],
      ['pointerdown', (event: PointerEvent) => this.pressed(event)],
      ['pointermove', (event: PointerEvent) => this.dragged(event)],
      ['pointerup', (event: PointerEvent) => this.lifted(event)],
      ['pointercancel', (event: PointerEvent) => this.forget(event)],
    ];
    for (const [name, act] of heard) surface.addEventListener(name, act as EventListener, { passive: false });
    return () => {
      for (const [name, act] of heard) surface.removeEventListener(name, act as EventListener);
      this.fingers.clear();
      if (this.surface === surface) this.surface = null;
    };
  };

  private wheeled(event: WheelEvent): void {
    event.preventDefault();
    const turned_px = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * LINE_PX : event.deltaY;
    this.change(Math.exp(-turned_px * WHEEL_PER_PX), this.inside(event));
  }

  private pressed(event: PointerEvent): void {
    if (event.button !== 0 || isControl(event.target)) return;
    if (this.fingers.size === 0) this.travelled_px = 0;
    this.fingers.set(event.pointerId, this.inside(event));
    if (this.zoom.scale > 1 || this.fingers.size > 1) this.surface?.setPointerCapture(event.pointerId);
  }

  private dragged(event: PointerEvent): void {
    const before = this.fingers.get(event.pointerId);
    if (before === undefined) return;
    const now = this.inside(event);
    this.travelled_px += apart(before, now);
    const other = [...this.fingers].find(([id]) => id !== event.pointerId)?.[1];
    this.fingers.set(event.pointerId, now);
    if (other === undefined) {
      this.move({ x: now.x - before.x, y: now.y - before.y });
      return;
    }
    const factor = apart(now, other) / Math.max(1, apart(before, other));
    this.change(factor, middle(before, other));
    const [from, to] = [middle(before, other), middle(now, other)];
    this.move({ x: to.x - from.x, y: to.y - from.y });
  }

  private lifted(event: PointerEvent): void {
    const at = this.fingers.get(event.pointerId);
    const alone = this.fingers.size === 1;
    this.forget(event);
    if (at === undefined || !alone || this.travelled_px > STILL_PX) return;
    const tap = { ...at, at_ms: event.timeStamp };
    if (!isDoubleTap(this.tap, tap)) {
      this.tap = tap;
      return;
    }
    this.tap = null;
    if (this.zoom.scale > 1) this.whole();
    else this.change(TAPPED_SCALE, at);
  }

  private forget(event: PointerEvent): void {
    this.fingers.delete(event.pointerId);
  }

  private change(factor: number, at: Point): void {
    if (this.surface === null) return;
    const area = sizeOf(this.surface);
    this.zoom = zoomed(this.zoom, factor, at, area, fitOf(this.surface, area));
  }

  /** Return the place of an event, from the centre of the surface. */
  private inside(event: MouseEvent): Point {
    const box = this.surface?.getBoundingClientRect();
    return box === undefined ? { x: 0, y: 0 } : { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
  }
}

function sizeOf(element: HTMLElement): Size {
  return { width: element.clientWidth, height: element.clientHeight };
}

function fitOf(surface: HTMLElement, area: Size): Size {
  const video = surface.querySelector('video');
  return fitted(area, { width: video?.videoWidth ?? 0, height: video?.videoHeight ?? 0 });
}

function isControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('button, select, label') !== null;
}

function apart(one: Point, other: Point): number {
  return Math.hypot(one.x - other.x, one.y - other.y);
}

function middle(one: Point, other: Point): Point {
  return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
}
