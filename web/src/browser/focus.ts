/** Sets the keyboard focus when a new screen, or a new part of a screen, appears. */
let arrived = false;

/** Focus the field that the user fills first. The heading gets the focus before the field. */
export function focused(field: HTMLElement): () => void {
  const turn = requestAnimationFrame(() => field.focus());
  return () => cancelAnimationFrame(turn);
}

/** Focus the heading of a screen that follows another screen. On the first load of the page the heading gets no focus. */
export function heading(title: HTMLElement): void {
  if (arrived) title.focus({ preventScroll: true });
  arrived = true;
}
