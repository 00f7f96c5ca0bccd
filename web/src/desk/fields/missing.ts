/**
 * Says in the language of the page that a field is empty. Browsers say it in their own language, which is often English.
 */
type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** Watch all forms of a document. `text`: the words in the present language. Return a function that ends this. */
export function sayMissing(of: Document, text: () => string): () => void {
  let told: Control | null = null;

  function say(event: Event): void {
    const control = event.target;
    if (!(control instanceof HTMLInputElement || control instanceof HTMLSelectElement || control instanceof HTMLTextAreaElement)) return;
    if (told !== null || !control.validity.valueMissing || control.validity.customError) return;
    told = control;
    control.setCustomValidity(text());
  }

  /** Remove the text at the next press, before the browser checks the form again. */
  function forget(): void {
    told?.setCustomValidity('');
    told = null;
  }

  const PRESSES = ['pointerdown', 'keydown', 'input', 'change'] as const;
  of.addEventListener('invalid', say, true);
  for (const press of PRESSES) of.addEventListener(press, forget, true);
  return () => {
    forget();
    of.removeEventListener('invalid', say, true);
    for (const press of PRESSES) of.removeEventListener(press, forget, true);
  };
}
