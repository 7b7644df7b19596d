/**
 * Runs before the install scripts of dependencies when curate is installed as a package (`npm i -g curate.tgz`).
 *
 * On linux/x64 the post-install of onnxruntime-node downloads 300 MB of CUDA libraries from a host that many machines
 * cannot reach, and then fails the whole installation. In the repository it does not run: npm runs what the lock file
 * says has install scripts, and ours does not say so (test/install.test.ts). A package comes without its lock file.
 * But the download is skipped where its files are already there, so empty ones are put in their place: curate runs
 * models on the processor and never loads them. ONNXRUNTIME_NODE_INSTALL=cuda12 asks for the real ones all the same.
 */
import { closeSync, existsSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';

const CUDA_FILES = ['cuda', 'shared', 'tensorrt'].map((part) => `libonnxruntime_providers_${part}.so`);

const asked = process.env.ONNXRUNTIME_NODE_INSTALL ?? process.env.npm_config_onnxruntime_node_install;
if (asked === undefined && process.platform === 'linux' && process.arch === 'x64') {
  try {
    const manifest = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
    const folder = join(dirname(manifest), 'bin', 'napi-v6', 'linux', 'x64');
    for (const file of CUDA_FILES.map((name) => join(folder, name))) {
      if (!existsSync(file)) closeSync(openSync(file, 'wx'));
    }
  } catch {
    // Not installed yet, or where it cannot be written: the post-install then fails or succeeds by itself.
  }
}
