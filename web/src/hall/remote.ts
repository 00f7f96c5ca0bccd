/** The keys of a remote control: arrows, OK, back and digits. A remote control for PCs sends them as keys of a keyboard. Pure. */
export type Remote = { move: -1 | 1 } | { back: true } | { digit: number };

const MOVES: Record<string, -1 | 1> = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };
const BACK: readonly string[] = ['Backspace', 'Escape', 'BrowserBack', 'GoBack'];

/** Return what a key means. Null: nothing here. OK is Enter, which presses the focused button by itself. */
export function remoteOf(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'altKey' | 'metaKey'>): Remote | null {
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  const move = MOVES[event.key];
  if (move !== undefined) return { move };
  if (BACK.includes(event.key)) return { back: true };
  return /^[0-9]$/.test(event.key) ? { digit: Number(event.key) } : null;
}

/** Return the place of the next button: the arrows lead round the list. `now` -1: no button has the focus. */
export function nextPlace(count: number, now: number, move: -1 | 1): number {
  if (count === 0) return -1;
  if (now === -1) return move === 1 ? 0 : count - 1;
  return (now + move + count) % count;
}

/** Move the focus to the next button within `root`. */
export function moveFocus(root: ParentNode, move: -1 | 1): void {
  const buttons = [...root.querySelectorAll<HTMLElement>('button:not(:disabled)')];
  buttons[nextPlace(buttons.length, buttons.indexOf(document.activeElement as HTMLElement), move)]?.focus();
}
