/** Saves a file of the server on the user's machine. */

/** Milliseconds until the address of the file ends. Chosen. Longer: more memory. Shorter: a slow browser saves nothing. */
const KEPT_MS = 60_000;

export function saveFile(file: { content: Blob; name: string }, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file.content);
  link.download = file.name || name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}
