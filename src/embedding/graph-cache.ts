import { createHash, randomUUID } from 'node:crypto';
import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { markAsOurs } from '../files/atomic-write.ts';
import { exists } from '../files/exists.ts';
import { makeFolders } from '../files/folders.ts';
import { isLocked } from '../files/lock.ts';

/** Which optimised graph: ONNX Runtime lays the weights out for the processor it runs on. */
interface GraphKey {
  /** Of the model's own file. */
  readonly sha256: string;
  /** ONNX Runtime's version. */
  readonly runtime: string;
  readonly cacheDir: string;
}

const GRAPH = 'graph.onnx';
/** Beside the graph rather than in it, so that it is mapped into memory: a start takes 25 ms instead of 130 (274 from
 * the model's own file), and all workers share its pages. */
const WEIGHTS = 'weights.bin';
/** Written last: the sizes of the other two, without which they do not count. */
const SEAL = 'sizes.json';
/** In a draft: locked while it is made. */
const MAKING = 'making';
/** A draft without a lock, as on network drives that have none, is taken for abandoned when it is so old. */
const ABANDONED_MS = 3_600_000;

/**
 * The path of the model's optimised graph, which `optimize` makes on first use: it opens the model with the options
 * given and closes it again. Null where the cache cannot be written; then the model's own file serves.
 */
export async function optimizedGraph(
  key: GraphKey,
  optimize: (save: InferenceSession.SessionOptions) => Promise<void>,
): Promise<string | null> {
  const family = `${key.sha256.slice(0, 16)}-${await processorKey()}-`;
  const folder = join(key.cacheDir, `${family}${key.runtime}`);
  if (await sealed(folder)) return join(folder, GRAPH);
  const draft = join(key.cacheDir, `draft-${randomUUID()}`);
  try {
    await makeFolders(draft);
    await whileMarked(draft, () =>
      optimize({
        optimizedModelFilePath: join(draft, GRAPH),
        extra: {
          session: {
            optimized_model_external_initializers_file_name: WEIGHTS,
            optimized_model_external_initializers_min_size_in_bytes: '1024',
          },
        },
      }),
    );
    await seal(draft);
    const { mtimeMs: now } = await stat(draft);
    await removeOutdated(key.cacheDir, family, folder, now);
    await rename(draft, folder);
  } catch {
    // Another worker was first, the disk is full, the folder read-only, or the model is broken: then opening it says so.
    await rm(draft, { recursive: true, force: true }).catch(() => undefined);
  }
  return (await sealed(folder)) ? join(folder, GRAPH) : null;
}

/** A kill during `work` leaves a draft whose mark nobody holds. */
async function whileMarked(draft: string, work: () => Promise<void>): Promise<void> {
  const mark = join(draft, MAKING);
  const handle = await open(mark, 'wx');
  try {
    await markAsOurs(handle, mark);
    await work();
  } finally {
    await handle.close();
  }
  await rm(mark);
}

async function seal(folder: string): Promise<void> {
  const sizes: Record<string, number> = {};
  for (const name of [GRAPH, WEIGHTS]) {
    const handle = await open(join(folder, name), 'r+');
    try {
      // After a power cut, weights that never reached the disk must not look complete.
      await handle.sync();
      sizes[name] = (await handle.stat()).size;
    } finally {
      await handle.close();
    }
  }
  await writeFile(join(folder, SEAL), JSON.stringify(sizes), { flush: true });
}

/** Whether both files are there at the size they were written with: a shorter one, mapped, would crash the process. */
async function sealed(folder: string): Promise<boolean> {
  try {
    const sizes = JSON.parse(await readFile(join(folder, SEAL), 'utf8')) as Record<string, unknown>;
    const checks = [GRAPH, WEIGHTS].map(async (name) => (await stat(join(folder, name))).size === sizes[name]);
    return (await Promise.all(checks)).every(Boolean);
  } catch {
    return false;
  }
}

/** Removes this model's graphs of other versions of the runtime, a broken one of this, and abandoned drafts. */
async function removeOutdated(cacheDir: string, family: string, current: string, now: number): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    const path = join(cacheDir, name);
    const outdated = name.startsWith(family) && (path !== current || !(await sealed(path)));
    if (outdated || (name.startsWith('draft-') && (await isAbandoned(path, now))))
      await rm(path, { recursive: true, force: true });
  }
}

async function isAbandoned(draft: string, now: number): Promise<boolean> {
  const mark = join(draft, MAKING);
  // Unknown where a drive has no locks, and between two steps of whoever makes it.
  const isFree = (await exists(mark)) && !(await isLocked(mark).catch(() => true));
  const made = await stat(draft).catch(() => null);
  return isFree || (made !== null && now - made.mtimeMs > ABANDONED_MS);
}

/** Tells processors apart by model and, where the system says them (Linux), instruction sets: weights are laid out for both. */
async function processorKey(): Promise<string> {
  const flags = await cpuFlags();
  return createHash('sha256').update(`${cpus()[0]?.model}\n${flags}`).digest('hex').slice(0, 8);
}

async function cpuFlags(): Promise<string> {
  try {
    // The first processor stands in the first few kilobytes, of which a large machine has hundreds.
    const handle = await open('/proc/cpuinfo');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(8192), 0, 8192, 0);
      return /^(flags|Features)\s*:.*$/m.exec(buffer.toString('latin1', 0, bytesRead))?.[0] ?? '';
    } finally {
      await handle.close();
    }
  } catch {
    return '';
  }
}
