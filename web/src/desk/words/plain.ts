/** Return the text for a search: without diacritics, đ as d, in lower case. The server's `plain` does the same. */
export function plain(text: string): string {
  return text
    .replace(/[đĐ]/g, 'd')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/\s+/g, ' ')
    .trim()
    .toLowerCase();
}

/** Report whether the text contains each word that was typed. */
export function matches(text: string, typed: string): boolean {
  const within = plain(text);
  return plain(typed)
    .split(' ')
    .every((word) => within.includes(word));
}
