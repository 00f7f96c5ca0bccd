/** Plans which controls are on the bar of a call, and which are behind "more". Pure: a width in, names out. */
export type BarItem = 'camera' | 'chair' | 'chat' | 'hand' | 'share' | 'people' | 'lobby' | 'view' | 'invite' | 'settings' | 'statistics' | 'shortcuts';

/**
 * The controls by urgency: an urgent control keeps its place longest. The microphone and the leave button are on every bar. The hand
 * is on every bar too, also on the bar of a host on a narrow phone.
 */
const BY_NEED: readonly BarItem[] = ['camera', 'chair', 'hand', 'chat', 'share', 'people', 'lobby', 'view', 'invite', 'settings', 'statistics', 'shortcuts'];
/** The controls whose icon is clear without a caption. */
const WITHOUT_CAPTIONS: ReadonlySet<BarItem> = new Set(['camera', 'chair', 'chat', 'hand', 'share', 'people', 'lobby']);

/**
 * The width of one control with its gap: with a caption in rem, since people enlarge text, and without a caption in CSS
 * pixels.
 */
const SLOT_REM = 4.25;
const GAP_PX = 8;
const COMPACT_SLOT_PX = 50;
/** The leave button is wider. */
const COMPACT_LEAVE_PX = 54;

const COMPACT = { width: 600, height: 480 };

/** Report whether the controls have no captions: on phones, and in low or narrow windows. */
export function isCompact(screen: { width: number; height: number }): boolean {
  return screen.width <= COMPACT.width || screen.height <= COMPACT.height;
}

/** The control of the chair's panel, with the number of people who wait to speak. */
export interface ChairControl {
  asking: number;
  press: () => void;
}

export interface BarPlan {
  shown: ReadonlySet<BarItem>;
  /** The controls in the order of "more". Empty: there is no "more". */
  folded: readonly BarItem[];
}

/**
 * Return the plan of the bar. `width`: the bar without its edges. `rem_px`: the size of the page's text. `compact`: controls
 * have no captions.
 */
export function planBar(width: number, rem_px: number, compact: boolean, offered: readonly BarItem[]): BarPlan {
  const items = BY_NEED.filter((one) => offered.includes(one));
  const slot = compact ? COMPACT_SLOT_PX : SLOT_REM * rem_px + GAP_PX;
  const leave = compact ? COMPACT_LEAVE_PX : slot;
  /** The places besides the microphone and the leave button. */
  const places = Math.max(0, Math.floor((width - leave) / slot) - 1);
  const able = compact ? items.filter((one) => WITHOUT_CAPTIONS.has(one)) : items;
  if (able.length === items.length && items.length <= places) return { shown: new Set(items), folded: [] };
  const shown = new Set(able.slice(0, Math.max(0, places - 1)));
  return { shown, folded: items.filter((one) => !shown.has(one)) };
}
