/** The cards by which the delegates of a site vote on their phones, and their words. */

import { t } from '../../../../i18n/call.svelte';

/** The cards of a site: its name, its code, how many there are, and how many are taken. Absent: the server does not tell. */
export interface SiteCards {
  n: string;
  code: string;
  all: number;
  taken?: number;
}

/** Return how many phones of a site have a card, in words. */
export function takenText(taken: number | null, all: number): string {
  return taken === null ? t('vote.codesHidden', { all }) : t('vote.codesTaken', { n: taken, all });
}

/** Return a code as people read it: in two groups. */
export function codeText(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}
