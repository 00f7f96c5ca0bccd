/** The layouts of the picture for halls, drawn small. A cell is x, y, width and height as shares of the whole. Pure. */
import type { DeskKey } from '../../i18n/desk-vi';

type Cell = [number, number, number, number];

function grid(side: number): Cell[] {
  return Array.from({ length: side * side }, (_, n) => [(n % side) / side, Math.floor(n / side) / side, 1 / side, 1 / side]);
}

/** Return one large cell at the upper left and the small cells at its right and lower edges. */
function around(side: number): Cell[] {
  const small = 1 / side;
  const edge = grid(side).filter(([x, y]) => x > 1 - 1.5 * small || y > 1 - 1.5 * small);
  return [[0, 0, 1 - small, 1 - small], ...edge];
}

export const LAYOUTS: Record<string, { text: DeskKey; cells: Cell[] }> = {
  auto: { text: 'layout.automatic', cells: [[0, 0, 0.62, 1], [0.62, 0, 0.38, 0.5], [0.62, 0.5, 0.38, 0.5]] },
  '1': { text: 'layout.one', cells: [[0, 0, 1, 1]] },
  '1+5': { text: 'layout.oneFive', cells: around(3) },
  '1+7': { text: 'layout.oneSeven', cells: around(4) },
  '2x2': { text: 'layout.four', cells: grid(2) },
  '3x3': { text: 'layout.nine', cells: grid(3) },
  '4x4': { text: 'layout.sixteen', cells: grid(4) },
  lecture: { text: 'layout.lecture', cells: [[0, 0, 0.78, 1], ...[0, 0.25, 0.5, 0.75].map((y): Cell => [0.78, y, 0.22, 0.25])] },
};
