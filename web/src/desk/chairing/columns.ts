/** The parts of the desk beside the call, in columns on a wide screen and in one list on a narrow one. Pure. */

export type Column = 'left' | 'middle' | 'right';
export const COLUMNS: readonly Column[] = ['left', 'middle', 'right'];

/** From this width on, in CSS pixels, the desk has three columns. Chosen: 300 px a column. Narrower: names are cut. */
export const WIDE_PX = 1000;

interface Placed {
  name: string;
  column: Column;
}

/** Return the parts of a column, in their order. */
export function inColumn<P extends Placed>(parts: readonly P[], column: Column): P[] {
  return parts.filter((one) => one.column === column);
}

/** Return the part that a column shows: the chosen one if the column has it, otherwise its first part. */
export function shownIn<P extends Placed>(parts: readonly P[], column: Column, chosen: string): P | undefined {
  const own = inColumn(parts, column);
  return own.find((one) => one.name === chosen) ?? own[0];
}
