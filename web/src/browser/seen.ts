/** Asks every `ms` while the page is seen. The result ends it, as `onMount` wants. */
export function whileSeen(ask: () => void, ms: number): () => void {
  const timer = setInterval(() => {
    if (!document.hidden) ask();
  }, ms);
  return () => clearInterval(timer);
}
