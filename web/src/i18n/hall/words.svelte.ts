/** The texts of hall mode together with the common texts. They load only with its page. */
import { hallEn } from './en';
import { hallVi, type HallKey } from './vi';
import { filled, language, t as common, type Key } from '../index.svelte';

/** Return the text of a key in the chosen language, with its `{values}` filled in. */
export function t(key: Key | HallKey, values: Record<string, string | number> = {}): string {
  if (!isOfHall(key)) return common(key, values);
  return filled((language() === 'vi' ? hallVi : hallEn)[key], values);
}

function isOfHall(key: string): key is HallKey {
  return key in hallVi;
}
