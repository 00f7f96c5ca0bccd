/**
 * The texts of the check of devices and line. The desk also shows the results of a check with these texts. They load only
 * with the check or the desk.
 */
import { checkEn } from './check-en';
import { checkVi, type CheckKey } from './check-vi';
import { filled, language, t as common, type Key } from './index.svelte';

/** Return the text of a key in the chosen language, with its `{values}` filled in. */
export function t(key: Key | CheckKey, values: Record<string, string | number> = {}): string {
  if (!isOfCheck(key)) return common(key, values);
  return filled((language() === 'vi' ? checkVi : checkEn)[key], values);
}

function isOfCheck(key: string): key is CheckKey {
  return key in checkVi;
}
