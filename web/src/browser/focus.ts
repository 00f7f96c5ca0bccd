/** Where the keyboard stands when a screen or a part of it has come. */
let arrived = false;

/** For the one field that everybody fills first: after the heading had its turn. */
export function focused(field: HTMLElement): () => void {
  const turn = requestAnimationFrame(() => field.focus());
  return () => cancelAnimationFrame(turn);
}

/** The heading of a screen takes the focus when one came from another screen, not on the first load of the page. */
export function heading(title: HTMLElement): void {
  if (arrived) title.focus({ preventScroll: true });
  arrived = true;
}
