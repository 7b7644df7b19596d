/**
 * `npm run bench` measures everything, `npm run bench -- NAME [ARGS]` one thing: see BENCHES.
 * Each prints its figures by itself; what they were on a named machine stands in bench/README.md.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const BENCHES = [
  'pipeline',
  'int8',
  'reduced-decode',
  'heic',
  'formats',
  'memory',
  'store',
  'search',
  'scale',
  'growth',
  'words',
  'ranking',
];
const [name, ...args] = process.argv.slice(2);
if (name !== undefined && !BENCHES.includes(name)) {
  console.error(`There is no bench "${name}". There are: ${BENCHES.join(', ')}.`);
  process.exit(2);
}
execFileSync('npm', ['run', 'build', '--silent'], { stdio: 'inherit', shell: process.platform === 'win32' });
for (const bench of name === undefined ? BENCHES : [name]) {
  console.log(`\n== ${bench}`);
  const script = fileURLToPath(new URL(`./${bench}.js`, import.meta.url));
  const { status } = spawnSync(process.execPath, [script, ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
