/** The Python environments that benches use, made from nothing where they are missing. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const BENCH = here('../node_modules/.cache/curate-bench/python');
const STORE = here('../node_modules/.cache/curate-python');

/** The interpreter of an environment with what pipeline-requirements.txt names. */
export async function benchPython() {
  const python = join(BENCH, ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']));
  // Written last: an environment that was broken off is made again.
  const ready = join(BENCH, 'ready');
  if (!existsSync(ready)) {
    console.error('Making the Python environment of the bench (once) ...');
    execFileSync('python3', ['-m', 'venv', '--clear', BENCH], { stdio: ['ignore', 'ignore', 'inherit'] });
    const requirements = here('pipeline-requirements.txt');
    execFileSync(python, ['-m', 'pip', 'install', '-qq', '-r', requirements], { stdio: 'inherit' });
    await writeFile(ready, '');
  }
  return python;
}

/** Lends a data folder the store's environment, which curate makes once for all benches and tests. */
export async function lendStorePython(data) {
  await mkdir(data, { recursive: true });
  // A link to nothing could not be filled.
  await mkdir(STORE, { recursive: true });
  await symlink(STORE, join(data, 'python'));
}
