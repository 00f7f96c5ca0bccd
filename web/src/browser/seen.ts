/** Call `ask` every `ms` while the page is visible. Return a function that ends the calls, as `onMount` needs it. */
export function whileSeen(ask: () => void, ms: number): () => void {
  const timer = setInterval(() => {
    if (!document.hidden) ask();
  }, ms);
  return () => clearInterval(timer);
}
