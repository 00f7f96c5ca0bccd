/** Searching as people type: without diacritics, đ as d, in lower case. The server's `plain` does the same. */
export function plain(text: string): string {
  return text
    .replace(/[đĐ]/g, 'd')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/\s+/g, ' ')
    .trim()
    .toLowerCase();
}

/** Every word that was typed stands somewhere in the text. */
export function matches(text: string, typed: string): boolean {
  const within = plain(text);
  return plain(typed)
    .split(' ')
    .every((word) => within.includes(word));
}
