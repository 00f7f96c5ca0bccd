/** The cards by which the delegates of a site vote on their phones. Pure. */

/** The cards of a site: its name, its code, how many there are, and how many are taken. */
export interface SiteCards {
  n: string;
  code: string;
  all: number;
  taken?: number;
}

/** Return a code as people read it: in two groups. */
export function codeText(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}
