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

/** Report whether each word that was typed begins a word of the text. In `xa 1` the 1 does not find `H1`. */
export function begins(text: string, typed: string): boolean {
  const within = plain(text).split(/[\s(),/]+/);
  return plain(typed)
    .split(' ')
    .every((word) => within.some((one) => one.startsWith(word)));
}

/** Return the number in groups of three digits, as people dial it. */
export function inThrees(number: string): string {
  return number.replace(/(\d{3})(?=\d)/g, '$1 ');
}

const MARK = /^\s*(?:[-+*•–]|\d+[.)])?\s*(?:UBND\s+(?=\S))?/i;

/** Return the names of a list as it stands in a letter: one name a line, or names between commas, with or without numbers. */
export function namesIn(typed: string): string[] {
  return typed
    .split(/[,;\n\r\t]+/)
    .map((one) => one.replace(MARK, '').replace(/[.\s]+$/, ''))
    .filter((one) => one !== '');
}

/**
 * Find the things that a list of names means. A name that is the whole name of a thing means only this thing. Every other name
 * finds all things whose text contains its words. `missing`: the names that find nothing.
 */
export function findListed<T>(things: T[], typed: string, name: (thing: T) => string, text: (thing: T) => string): { found: T[]; missing: string[] } {
  const found = new Set<T>();
  const missing: string[] = [];
  for (const wanted of namesIn(typed)) {
    const exact = things.filter((thing) => plain(name(thing)) === plain(wanted));
    const meant = exact.length > 0 ? exact : things.filter((thing) => matches(text(thing), wanted));
    for (const thing of meant) found.add(thing);
    if (meant.length === 0) missing.push(wanted);
  }
  return { found: things.filter((thing) => found.has(thing)), missing };
}
