/** The texts of the check of devices and line; the desk shows its results with them. Fetched with the one or the other only. */
import { checkEn } from './check-en';
import { checkVi, type CheckKey } from './check-vi';
import { filled, language, t as common, type Key } from './index.svelte';

/** The text of a key in the chosen language, with its `{values}` filled in. */
export function t(key: Key | CheckKey, values: Record<string, string | number> = {}): string {
  if (!isOfCheck(key)) return common(key, values);
  return filled((language() === 'vi' ? checkVi : checkEn)[key], values);
}

function isOfCheck(key: string): key is CheckKey {
  return key in checkVi;
}
