/** Places the tiles: how many fit, in how many columns, and how large. Pure: sizes in, sizes out, all in CSS pixels. */
export interface Size {
  width: number;
  height: number;
}

export interface GridPlan {
  columns: number;
  rows: number;
  tile: Size;
  perPage: number;
  pages: number;
}

export type View = 'grid' | 'speaker';
export type ViewChoice = 'auto' | View;
export const VIEWS: readonly ViewChoice[] = ['auto', 'grid', 'speaker'];

/**
 * Chosen. Larger: decoding heats laptops and phones until the pictures stutter. Smaller: viewers need more pages to see all
 * people.
 */
export const MOST_TILES = 25;
/** The same limit for phones. With more people, a phone shows the speaker large. */
export const MOST_TILES_ON_PHONE = 4;
export const GAP_PX = 8;

const ASPECT = 16 / 9;
/**
 * CSS pixels. A screen whose shorter side is smaller is a phone. Chosen. Larger: small tablets get four tiles. Smaller:
 * large phones get 25 tiles.
 */
const PHONE_PX = 600;
/**
 * CSS pixels. The least width of a tile in the grid, if more than four tiles are shown. Chosen. Larger: more pages.
 * Smaller: faces are hard to see.
 */
const SMALLEST_TILE_PX = 168;
/**
 * CSS pixels. The largest width of the small tiles in a row below the large picture. Chosen. Larger: the large picture gets
 * smaller. Smaller: faces are hard to see.
 */
const SMALL_TILE_PX = 128;

/** CSS pixels. The height of the buttons that turn pages, below a column of small tiles. */
const PAGER_PX = 44;

export function isPhone(screen: Size): boolean {
  return Math.min(screen.width, screen.height) < PHONE_PX;
}

export function mostTiles(screen: Size): number {
  return isPhone(screen) ? MOST_TILES_ON_PHONE : MOST_TILES;
}

/**
 * Return the plan with the largest tiles for `count` people. A page has at most `most` tiles, and no tile is too small to see
 * a face.
 */
export function planGrid(area: Size, count: number, most: number): GridPlan {
  const fitting = Math.max(1, Math.min(most, largestPage(area, most)));
  const pages = Math.max(1, Math.ceil(count / fitting));
  const perPage = pages === 1 ? Math.max(1, count) : fitting;
  return { ...bestGrid(area, perPage), perPage, pages };
}

/** Return how many tiles of at least the smallest width fit into the area. */
function largestPage(area: Size, most: number): number {
  let count = most;
  while (count > 4 && bestGrid(area, count).tile.width < SMALLEST_TILE_PX) count -= 1;
  return count;
}

function bestGrid(area: Size, count: number): Omit<GridPlan, 'perPage' | 'pages'> {
  let best: Omit<GridPlan, 'perPage' | 'pages'> | null = null;
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const tile = tileSize(area, columns, rows);
    if (best === null || tile.width * tile.height > best.tile.width * best.tile.height) best = { columns, rows, tile };
  }
  return best ?? { columns: 1, rows: 1, tile: tileSize(area, 1, 1) };
}

/**
 * Return the size of a tile. A tile keeps 16:9 on wide areas. On a narrow area (an upright phone) it may become as tall as
 * 3:5, since faces fit such a tile and it avoids empty bands.
 */
function tileSize(area: Size, columns: number, rows: number): Size {
  const width = Math.max(0, (area.width - GAP_PX * (columns - 1)) / columns);
  const height = Math.max(0, (area.height - GAP_PX * (rows - 1)) / rows);
  const tallest = area.width < PHONE_PX ? 3 / 5 : ASPECT;
  if (width / height > ASPECT) return { width: Math.floor(height * ASPECT), height: Math.floor(height) };
  return { width: Math.floor(width), height: Math.floor(Math.min(height, width / tallest)) };
}

export interface SpeakerPlan {
  /** The others are at the side of the main picture, else below it. */
  side: boolean;
  /** Height of the main picture. Null: it takes all the height. */
  main_px: number | null;
  /** The number of others on a page. */
  count: number;
  tile: Size;
}

/** A picture that the viewer chose: a person's camera, or the screen that this person shares. */
export interface Pin {
  identity: string;
  screen: boolean;
}

export function isPinned(pinned: Pin | null, identity: string, screen: boolean): boolean {
  return pinned !== null && pinned.identity === identity && pinned.screen === screen;
}

/**
 * Return the plan with one main picture and the others beside it (wide areas) or below it (upright areas). `most` limits all
 * pictures. `first`: the main picture takes all space except one row of small tiles; on a wide area no others are shown.
 */
export function planSpeaker(area: Size, others: number, most: number, first = false): SpeakerPlan {
  if (first) return planFirst(area, others, most);
  if (area.width > area.height) return planSide(area, others, most);
  const main_px = Math.floor(Math.min(area.height * 0.6, area.width * 0.75));
  const rest = { width: area.width, height: Math.max(0, area.height - main_px - GAP_PX) };
  const grid = planGrid(rest, Math.min(others, most - 1), most - 1);
  return { side: false, main_px: others === 0 ? null : main_px, count: grid.perPage, tile: grid.tile };
}

/** Return the plan with the main picture and no others. */
export function planAlone(area: Size): SpeakerPlan {
  return { side: false, main_px: area.height, count: 0, tile: { width: 0, height: 0 } };
}

function planFirst(area: Size, others: number, most: number): SpeakerPlan {
  const count = area.width > area.height ? 0 : Math.min(others, most - 1);
  if (count === 0) return planAlone(area);
  const width = Math.floor(Math.max(0, Math.min(SMALL_TILE_PX, (area.width - GAP_PX * (count - 1)) / count)));
  const tile = { width, height: Math.round(width / ASPECT) };
  return { side: false, main_px: Math.max(0, area.height - tile.height - GAP_PX), count, tile };
}

function planSide(area: Size, others: number, most: number): SpeakerPlan {
  const width = Math.min(240, Math.max(150, Math.round(area.width * 0.18)));
  const tile = { width, height: Math.round(width / ASPECT) };
  const fitting = (height: number) => Math.max(1, Math.min(most - 1, Math.floor((height + GAP_PX) / (tile.height + GAP_PX))));
  const whole = fitting(area.height);
  return { side: true, main_px: null, tile, count: others <= whole ? whole : fitting(area.height - PAGER_PX) };
}

/** Report whether one other person is large and the user small in a corner: two people in the automatic view. */
export function isPair(choice: ViewChoice, view: View, shown: number): boolean {
  return choice === 'auto' && view === 'grid' && shown === 2;
}

/** Return the size of the user's own small picture over the picture of one other person. */
export function ownSize(area: Size): Size {
  const width = Math.round(Math.min(240, Math.max(104, area.width * 0.24)));
  return { width, height: Math.round(width / ASPECT) };
}

const CORNERS = ['bottom-right', 'bottom-left', 'top-left', 'top-right'] as const;
export type Corner = (typeof CORNERS)[number];

export function nextCorner(corner: Corner): Corner {
  return CORNERS[(CORNERS.indexOf(corner) + 1) % CORNERS.length]!;
}

/** Return the corner of the area that is nearest to a point. The point counts from the top left. */
export function cornerAt(point: { x: number; y: number }, area: Size): Corner {
  return `${point.y < area.height / 2 ? 'top' : 'bottom'}-${point.x < area.width / 2 ? 'left' : 'right'}`;
}

/**
 * Return the view for a choice. "Automatic" gives one main picture for a shared screen or a pinned picture. On a phone it
 * also does so when there are more people than tiles.
 */
export function viewFor(choice: ViewChoice, now: { sharing: boolean; pinned: boolean; count: number; phone: boolean }): View {
  if (choice !== 'auto') return choice;
  if (now.sharing || now.pinned) return 'speaker';
  return now.phone && now.count > MOST_TILES_ON_PHONE ? 'speaker' : 'grid';
}
