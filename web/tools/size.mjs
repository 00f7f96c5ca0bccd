// Fails a build whose first load (home and pre-join) has more than 80 KB of gzipped JavaScript and CSS.
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const LIMIT_BYTES = 80 * 1024;
const html = readFileSync('dist/index.html', 'utf8');
const entry = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(?:js|css))"/g)].map((match) => match[1]);
const size = (name) => gzipSync(readFileSync(`dist/${name}`)).length;
const first = entry.filter((name) => !name.includes('old-browser'));
const total_bytes = first.reduce((sum, name) => sum + size(name), 0);

for (const name of readdirSync('dist/assets').filter((name) => /\.(js|css)$/.test(name))) {
  const mark = first.includes(`assets/${name}`) ? 'first load' : 'later';
  console.log(`${String(size(`assets/${name}`)).padStart(8)} B gzip  ${mark.padEnd(10)}  ${name}`);
}
console.log(`first load: ${total_bytes} of ${LIMIT_BYTES} B gzip`);
if (total_bytes > LIMIT_BYTES) process.exit(1);
