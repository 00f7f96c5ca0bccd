/** The texts of the call together with the common texts. They load only with the call. */
import { callEn } from './call-en';
import { callVi, type CallKey } from './call-vi';
import { filled, language, t as common, type Key } from './index.svelte';

export type AnyKey = Key | CallKey;

/** Return the text of a key in the chosen language, with its `{values}` filled in. */
export function t(key: AnyKey, values: Record<string, string | number> = {}): string {
  if (!isOfCall(key)) return common(key, values);
  return filled((language() === 'vi' ? callVi : callEn)[key], values);
}

function isOfCall(key: string): key is CallKey {
  return key in callVi;
}
