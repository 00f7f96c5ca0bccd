/** The texts of the desk together with the common texts. They load only with the desk. */
import { deskEn } from './desk-en';
import { deskVi, type DeskKey } from './desk-vi';
import { filled, language, t as common, type Key } from './index.svelte';

export type AnyKey = Key | DeskKey;

/** Return the text of a key in the chosen language, with its `{values}` filled in. */
export function t(key: AnyKey, values: Record<string, string | number> = {}): string {
  if (!isDesk(key)) return common(key, values);
  return filled((language() === 'vi' ? deskVi : deskEn)[key], values);
}

/** Return the name of a code that the server may extend. An unknown code is returned as it is. */
export function named(prefix: string, code: string): string {
  const key = `${prefix}.${code.replaceAll('-', '_')}`;
  return isDesk(key) ? t(key) : code;
}

/** Report whether a code has a name. */
export function has(prefix: string, code: string): boolean {
  return isDesk(`${prefix}.${code.replaceAll('-', '_')}`);
}

/** Return a name of the directory in the chosen language. Without an English name the Vietnamese name stands. */
export function either(vi: string, en: string): string {
  return language() === 'en' && en !== '' ? en : vi;
}

function isDesk(key: string): key is DeskKey {
  return key in deskVi;
}
