/**
 * Writes the id of the build into the page, the service worker and `build.json`. The id is a hash of all built files, so the same
 * sources have the same id. The open page compares its id with that of the server (`src/browser/build.ts`).
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

const MARK = '__BUILD__';
const STAMPED = ['index.html', 'sw.js'];
/** Hexadecimal digits. Chosen: two builds never have the same id by chance. More: a longer page. Fewer: a collision hides a new build. */
const DIGITS = 16;

/** Return the id of a build: file names and contents, in the order of the names. */
export function idOf(files: [string, Buffer | string][]): string {
  const hash = createHash('sha256');
  for (const [name, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${name}\0`).update(content).update('\0');
  return hash.digest('hex').slice(0, DIGITS);
}

export function stamped(): Plugin {
  let folder = '';
  return {
    name: 'stamped',
    apply: 'build',
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle() {
      const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => !name.endsWith('.gz') && name !== 'build.json');
      const files = names.filter((name) => statSync(join(folder, name)).isFile());
      const build = idOf(files.map((name) => [name, readFileSync(join(folder, name))]));
      for (const name of STAMPED) writeFileSync(join(folder, name), readFileSync(join(folder, name), 'utf8').replaceAll(MARK, build));
      writeFileSync(join(folder, 'build.json'), JSON.stringify({ build }));
    },
  };
}
