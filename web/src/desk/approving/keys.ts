/**
 * The keys of the list of approvals. J and K go to the next and to the previous card. A goes to the button that approves the
 * card. A does not approve by itself, because an approval cannot be taken back.
 */
export type Step = 'next' | 'previous' | 'approve';

const STEPS: Record<string, Step> = { j: 'next', k: 'previous', a: 'approve' };

/** Return the step of a pressed key. Null: the key belongs to a field, a dialog, the browser or another program. */
export function stepOf(event: KeyboardEvent): Step | null {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return null;
  const at = event.target instanceof Element ? event.target : null;
  if (at?.closest('input:not([type="checkbox"]), textarea, select, dialog, [contenteditable]')) return null;
  return STEPS[event.key.toLowerCase()] ?? null;
}

/** Return the place of the card that gets the focus. `at`: the place of the present card, or -1. */
export function placeOf(step: Step, at: number, count: number): number {
  if (step === 'approve') return Math.max(0, at);
  return Math.min(count - 1, Math.max(0, at + (step === 'next' ? 1 : -1)));
}
