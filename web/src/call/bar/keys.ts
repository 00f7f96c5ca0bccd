/** The keys of a call. Pure: a key in, an action out. */
export type KeyAct = 'microphone' | 'hand' | 'chat' | 'people' | 'share' | 'view' | 'full' | 'help' | 'larger' | 'smaller' | 'whole';

/** The keys without Ctrl. People can switch these off: who dictates text may press them by accident (WCAG 2.1.4). */
export const PLAIN_KEYS: readonly { key: string; act: KeyAct }[] = [
  { key: 'M', act: 'microphone' },
  { key: 'H', act: 'hand' },
  { key: 'C', act: 'chat' },
  { key: 'P', act: 'people' },
  { key: 'S', act: 'share' },
  { key: 'V', act: 'view' },
  { key: 'F', act: 'full' },
  { key: '+', act: 'larger' },
  { key: '-', act: 'smaller' },
  { key: '0', act: 'whole' },
  { key: '?', act: 'help' },
];
/** The key of `+` without Shift. */
const SAME_KEY: Record<string, string> = { '=': '+', _: '-' };

export interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** Return the action of a key without Ctrl. Null: the key has none. */
export function actOf({ key, ctrlKey, metaKey, altKey }: Pressed): KeyAct | null {
  if (ctrlKey || metaKey || altKey) return null;
  const plain = (SAME_KEY[key] ?? key).toUpperCase();
  return PLAIN_KEYS.find((one) => one.key === plain)?.act ?? null;
}

/** The direction of each arrow key in which the visible part of an enlarged picture moves. */
export const ARROWS: Record<string, { x: number; y: number } | undefined> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};
