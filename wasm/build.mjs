/** Compiles the kernels and writes each, as base64, to the module that uses it. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const KERNELS = [
  { source: 'resize.ts', module: '../src/embedding/resize-kernel.ts', name: 'RESIZE_KERNEL' },
  { source: 'jpeg.ts', module: '../src/photos/jpeg/kernel.ts', name: 'JPEG_KERNEL' },
  { source: 'sharpness.ts', module: '../src/photos/sharpness-kernel.ts', name: 'SHARPNESS_KERNEL' },
  { source: 'rerank.ts', module: '../src/library/ranking/rerank-kernel.ts', name: 'RERANK_KERNEL' },
  { source: 'pairs.ts', module: '../src/library/dedupe/pairs-kernel.ts', name: 'PAIRS_KERNEL' },
  { source: 'print.ts', module: '../src/photos/print-kernel.ts', name: 'PRINT_KERNEL' },
  { source: 'logits.ts', module: '../src/embedding/classifier/logits-kernel.ts', name: 'LOGITS_KERNEL' },
  { source: 'products.ts', module: '../src/store/milvus/products-kernel.ts', name: 'PRODUCTS_KERNEL' },
];

// 112: a function of another file takes SIMD values; none leaves a kernel.
const OPTIONS = '--outFile kernel.wasm --runtime stub --enable simd -O3 --noAssert --disableWarning 112'.split(' ');

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

for (const { source, module, name } of KERNELS) {
  const files = new Map();
  const { error, stderr } = await asc.main([source, ...OPTIONS], {
    readFile: (path) => readFile(here(path), 'utf8').catch(() => null),
    writeFile: (path, content) => void files.set(path, content),
    listFiles: () => [],
  });
  if (error !== null || stderr.toString() !== '') throw new Error(`${source}: ${error?.message}\n${stderr}`);
  const wasm = Buffer.from(files.get('kernel.wasm'));
  await writeFile(
    here(module),
    `/** Made from wasm/${source} by wasm/build.mjs: ${wasm.length} bytes of WebAssembly. */
export const ${name} =
  '${wasm.toString('base64')}';
`,
  );
}
