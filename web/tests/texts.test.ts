import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { en } from '../src/i18n/en';
import { speak, t } from '../src/i18n/index.svelte';
import { vi } from '../src/i18n/vi';

const keys = Object.keys(vi) as (keyof typeof vi)[];
const marks = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

function sources(folder: string): string {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name !== 'vi.ts' && entry.name !== 'en.ts')
    .map((entry) => (entry.isDirectory() ? sources(join(folder, entry.name)) : readFileSync(join(folder, entry.name), 'utf8')))
    .join('\n');
}

describe('texts', () => {
  it('has the same keys in both languages', () => {
    expect(Object.keys(en).sort()).toEqual([...keys].sort());
  });

  it('fills the same values in both languages and leaves none empty', () => {
    for (const key of keys) {
      expect(marks(en[key]), key).toEqual(marks(vi[key]));
      expect(vi[key].trim() && en[key].trim(), key).not.toBe('');
    }
  });

  it('holds no text that no page shows', () => {
    const code = sources(join(import.meta.dirname, '../src'));
    const patterns = [...code.matchAll(/[`'"]([a-z]+\.[^`'"\s]*\$\{[^`]*)`/g)].map((match) => match[1]!);
    const built = patterns.map((pattern) => new RegExp(`^${pattern.replace(/\./g, '\\.').replace(/\$\{[^}]*\}/g, '\\w+')}$`));
    const unused = keys.filter((key) => !code.includes(`'${key}'`) && !built.some((pattern) => pattern.test(key)));
    expect(unused).toEqual([]);
  });

  it('speaks the chosen language and fills values', () => {
    speak('en');
    expect(t('people.count', { n: 3 })).toBe('3 present');
    expect(document.documentElement.lang).toBe('en');
    speak('vi');
    expect(t('people.count', { n: 3 })).toBe('3 người có mặt');
  });
});
