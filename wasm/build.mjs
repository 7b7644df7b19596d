/** Compiles resize.ts and writes it, as base64, to src/embedding/resize-kernel.ts. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const files = new Map();
const { error, stderr } = await asc.main(
  ['resize.ts', '--outFile', 'resize.wasm', '--runtime', 'stub', '--enable', 'simd', '-O3', '--noAssert'],
  {
    readFile: (name) => readFile(here(name), 'utf8').catch(() => null),
    writeFile: (name, content) => void files.set(name, content),
    listFiles: () => [],
  },
);
if (error !== null) throw new Error(`${error.message}\n${stderr}`);
const wasm = Buffer.from(files.get('resize.wasm'));
await writeFile(
  here('../src/embedding/resize-kernel.ts'),
  `/** Made from wasm/resize.ts by wasm/build.mjs: ${wasm.length} bytes of WebAssembly. */
export const RESIZE_KERNEL =
  '${wasm.toString('base64')}';
`,
);
