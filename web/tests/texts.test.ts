import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { callEn } from '../src/i18n/call-en';
import { callVi } from '../src/i18n/call-vi';
import { chairEn } from '../src/i18n/chair/en';
import { chairVi } from '../src/i18n/chair/vi';
import { votesEn } from '../src/i18n/chair/votes/en';
import { votesVi } from '../src/i18n/chair/votes/vi';
import { deskEn } from '../src/i18n/desk-en';
import { deskVi } from '../src/i18n/desk-vi';
import { en } from '../src/i18n/en';
import { speak, t } from '../src/i18n/index.svelte';
import { vi } from '../src/i18n/vi';

const LOTS = [
  { name: 'common', vi: vi as Record<string, string>, en: en as Record<string, string> },
  { name: 'call', vi: callVi as Record<string, string>, en: callEn as Record<string, string> },
  { name: 'chair', vi: chairVi as Record<string, string>, en: chairEn as Record<string, string> },
  { name: 'votes', vi: votesVi as Record<string, string>, en: votesEn as Record<string, string> },
  { name: 'desk', vi: deskVi as Record<string, string>, en: deskEn as Record<string, string> },
];
const marks = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

function sources(folder: string): string {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !/^((desk|call|check)-)?(vi|en)(\.ts)?$/.test(entry.name))
    .map((entry) => (entry.isDirectory() ? sources(join(folder, entry.name)) : readFileSync(join(folder, entry.name), 'utf8')))
    .join('\n');
}

describe('texts of the desk', () => {
  it('have each key in one file only', () => {
    for (const tongue of ['vi', 'en']) {
      const folder = join(__dirname, '../src/i18n/desk', tongue);
      const keys = readdirSync(folder).flatMap((file) => [...readFileSync(join(folder, file), 'utf8').matchAll(/^  '([\w.-]+)':/gm)].map((match) => match[1]!));
      expect(keys.filter((key, at) => keys.indexOf(key) !== at), tongue).toEqual([]);
    }
  });
});

describe.each(LOTS)('$name texts', (lot) => {
  const keys = Object.keys(lot.vi);

  it('has the same keys in both languages', () => {
    expect(Object.keys(lot.en).sort()).toEqual([...keys].sort());
  });

  it('fills the same values in both languages and leaves none empty', () => {
    for (const key of keys) {
      expect(marks(lot.en[key]!), key).toEqual(marks(lot.vi[key]!));
      expect(lot.vi[key]!.trim() && lot.en[key]!.trim(), key).not.toBe('');
    }
  });

  it('holds no text that no page shows', () => {
    const code = sources(join(import.meta.dirname, '../src'));
    const patterns = [...code.matchAll(/[`'"]([a-z]+\.[^`'"\s]*\$\{[^`]*)`/g)].map((match) => match[1]!);
    const built = patterns.map((pattern) => new RegExp(`^${pattern.replace(/\./g, '\\.').replace(/\$\{[^}]*\}/g, '\\w+')}$`));
    const prefixes = [...code.matchAll(/(?:named\(|words: )'([a-z]+)'/g)].map((match) => `${match[1]}.`);
    const unused = keys.filter((key) => !code.includes(`'${key}'`) && !built.some((pattern) => pattern.test(key)) && !prefixes.some((prefix) => key.startsWith(prefix)));
    expect(unused).toEqual([]);
  });
});

describe('texts', () => {
  it('address nobody in a form that the office has not chosen, and use the words of the review', () => {
    const avoided = /[đĐ]ồng chí|(?<!\p{L})[bB]ạn(?!\p{L})|[tT]ập tin|(?<!\p{L})[hH]uyện|[tT]hị trấn|Bỏ qua|dd\/mm/u;
    const found = LOTS.flatMap((lot) => Object.entries(lot.vi).filter(([key, text]) => key !== 'tier.2' && avoided.test(text)));
    expect(found).toEqual([]);
  });

  it('have no key in two files of one language', () => {
    const folder = join(import.meta.dirname, '../src/i18n');
    for (const language of ['vi', 'en']) {
      const places = readdirSync(join(folder, 'desk', language)).map((name) => join('desk', language, name));
      const files = [...readdirSync(folder).filter((name) => name === `${language}.ts` || name.endsWith(`-${language}.ts`)), join('chair', `${language}.ts`), join('chair', 'votes', `${language}.ts`), ...places];
      const keys = files.flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(/^  '([^']+)':/gm)].map((match) => match[1]!));
      expect(keys.length).toBeGreaterThan(500);
      expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
    }
  });

  it('have no key in two lots', () => {
    const keys = LOTS.flatMap((lot) => Object.keys(lot.vi));
    expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
  });

  it('speak the chosen language and fill values', () => {
    speak('en');
    expect(t('people.count', { n: 3 })).toBe('3 present');
    expect(document.documentElement.lang).toBe('en');
    speak('vi');
    expect(t('people.count', { n: 3 })).toBe('3 người có mặt');
  });
});
