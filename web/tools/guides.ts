/**
 * Converts `guides/*.md` to data that the pages show. A guide names a label on a screen by its key, `{t:board.new}`. An
 * unknown key fails the build, so that no guide names a button by a wrong label.
 */
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';
import { deskVi } from '../src/i18n/desk-vi.ts';
import { vi } from '../src/i18n/vi.ts';

/** Plain text, bold text, or the label of an element on a screen. */
export type Part = { text: string } | { strong: string } | { key: string };
export type Block = { kind: 'h1' | 'h2' | 'p'; parts: Part[] } | { kind: 'ol' | 'ul'; items: Part[][] };

export function parseGuide(source: string, name: string, known: (key: string) => boolean = isKnown): Block[] {
  const blocks: Block[] = [];
  for (const [n, line] of source.split('\n').entries()) {
    const text = line.trim();
    if (text === '') continue;
    addLine(blocks, text, `${name}:${n + 1}`, known);
  }
  return blocks;
}

function addLine(blocks: Block[], text: string, where: string, known: (key: string) => boolean): void {
  const heading = /^(#{1,2}) (.+)$/.exec(text);
  const item = /^(?:(\d+\.)|-) (.+)$/.exec(text);
  if (heading !== null) blocks.push({ kind: heading[1] === '#' ? 'h1' : 'h2', parts: partsOf(heading[2]!, where, known) });
  else if (item !== null) addItem(blocks, item[1] === undefined ? 'ul' : 'ol', partsOf(item[2]!, where, known));
  else blocks.push({ kind: 'p', parts: partsOf(text, where, known) });
}

function addItem(blocks: Block[], kind: 'ol' | 'ul', parts: Part[]): void {
  const last = blocks.at(-1);
  if (last !== undefined && last.kind === kind) last.items.push(parts);
  else blocks.push({ kind, items: [parts] });
}

function partsOf(text: string, where: string, known: (key: string) => boolean): Part[] {
  return text
    .split(/(\{t:[^}]*\}|\*\*[^*]+\*\*)/)
    .filter((part) => part !== '')
    .map((part) => {
      if (part.startsWith('**')) return { strong: part.slice(2, -2) };
      if (!part.startsWith('{t:')) return { text: part };
      const key = part.slice(3, -1);
      if (!known(key)) throw new Error(`${where}: no text has the key ${key}`);
      return { key };
    });
}

function isKnown(key: string): boolean {
  return key in deskVi || key in vi;
}

export function guides(): Plugin {
  return {
    name: 'guides',
    load(id) {
      const path = id.split('?')[0]!;
      if (!/\/guides\/[a-z-]+\.md$/.test(path)) return null;
      this.addWatchFile(path);
      const blocks = parseGuide(readFileSync(path, 'utf8'), path.slice(path.lastIndexOf('/') + 1));
      return { code: `export default ${JSON.stringify(blocks)};`, map: null };
    },
  };
}
