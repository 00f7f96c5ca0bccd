/** Reads, sorts and searches names in the Vietnamese way. Pure. */

/**
 * Return the letter for an empty tile: the first letter of the given name, which is the last word. Text after " - " is an
 * office, not a name. A place with a number shows the number.
 */
export function initial(name: string): string {
  const given = person(name).split(/\s+/).at(-1) ?? '';
  const number = /^\d{1,3}$/.exec(given);
  if (number !== null) return number[0];
  return (Array.from(given)[0] ?? '?').toLocaleUpperCase('vi');
}

/** Return the name without the office that people write after it. */
export function person(name: string): string {
  return name.split(/\s[-–(]\s?|,\s/)[0]?.trim() || name;
}

/** Return the text for searching: lower case, without diacritics, đ as d. */
export function plain(text: string): string {
  return text
    .toLocaleLowerCase('vi')
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .replaceAll('đ', 'd')
    .trim();
}

/** Return one of six calm colours, always the same for one person. */
export function tint(identity: string): number {
  let sum = 0;
  for (const letter of identity) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_003;
  return sum % 6;
}
