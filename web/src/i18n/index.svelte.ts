/**
 * Owns the language of the page. The texts of all pages are in `vi.ts` and `en.ts`. The texts of the call are in `call-vi.ts`
 * and `call-en.ts`, those of the check in `check-vi.ts` and `check-en.ts`. The texts of the desk are in `desk/`. No other file
 * holds a text for users.
 */
import { recall, remember } from '../browser/memory';
import { en } from './en';
import { vi, type Key } from './vi';

export type Language = 'vi' | 'en';
export type { Key };

const TEXTS: Record<Language, Record<Key, string>> = { vi, en };

const state = $state({ language: recall('language') === 'en' ? ('en' as Language) : ('vi' as Language) });

export function language(): Language {
  return state.language;
}

export function speak(next: Language): void {
  state.language = next;
  remember('language', next);
  document.documentElement.lang = next;
}

/** Return the text of a key in the chosen language, with its `{values}` filled in. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return filled(TEXTS[state.language][key], values);
}

export function filled(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (mark, name: string) => String(values[name] ?? mark));
}
