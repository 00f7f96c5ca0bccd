/** The texts of ballots by phone together with the common texts. They load only with that page. */
import { cardEn } from './en';
import { cardVi, type CardKey } from './vi';
import { filled, language, t as common, type Key } from '../index.svelte';

/** Return the text of a key in the chosen language, with its `{values}` filled in. */
export function t(key: Key | CardKey, values: Record<string, string | number> = {}): string {
  if (!isOfCard(key)) return common(key, values);
  return filled((language() === 'vi' ? cardVi : cardEn)[key], values);
}

function isOfCard(key: string): key is CardKey {
  return key in cardVi;
}
