/**
 * Compresses the built files once, at build time. Otherwise the server compresses them at each start, while browsers wait.
 * The result is `name.gz` in place of `name`.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const LEAST_BYTES = 512;
const PACKED = /\.(woff2|png|jpg|webp|mp3|gz|br)$/;

export function squeezed(): Plugin {
  let folder = '';
  return {
    name: 'squeezed',
    apply: 'build',
    configResolved(config) {
      folder = join(config.root, config.build.outDir, config.build.assetsDir);
    },
    closeBundle() {
      for (const name of readdirSync(folder)) {
        const path = join(folder, name);
        if (!PACKED.test(name) && statSync(path).size > LEAST_BYTES) writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
      }
    },
  };
}
