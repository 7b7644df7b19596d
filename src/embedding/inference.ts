import type { InferenceSession } from 'onnxruntime-node';
import { messageOf } from '../errors.ts';
import { accelerators, type Device, probe, SAME_VECTOR } from './device.ts';
import { optimizedGraph } from './graph-cache.ts';
import type { EmbeddingModel } from './port.ts';
import { cosine, toUnitLength } from './vector.ts';

/** [3, size, size] in, the model's raw features out. Runs on the calling thread and blocks it. */
export type Infer = (input: Float32Array) => Promise<Float32Array>;

const QUIET = 3;
/** More leave layers too small to be worth a thread each. */
const MOST_THREADS = 4;
const OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  // Photos are spread over processes; threads within one photo would only compete with them, unless there is one photo.
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  logSeverityLevel: QUIET,
  // Threads wait for each other asleep: the processors have other work.
  extra: { session: { intra_op: { allow_spinning: '0' } } },
};

export interface DeviceSession {
  readonly infer: Infer;
  /** Why the device that was asked for is not used; null when it is. */
  readonly fallback: string | null;
}

/**
 * Opens the model on a device. An accelerator is taken only when it gives the vector that the processor gives;
 * otherwise the processor serves, so that a vector's identity is its model's alone.
 */
export async function openOnDevice(
  model: EmbeddingModel,
  cacheDir: string,
  device: Device,
  platform: NodeJS.Platform,
  threads = 1,
): Promise<DeviceSession> {
  const onProcessor = await openSession(model, cacheDir, threads);
  const reasons: string[] = [];
  const { listSupportedBackends } = await import('onnxruntime-node');
  const known = new Set(listSupportedBackends().map(({ name }) => name));
  for (const accelerator of accelerators(device, platform)) {
    // ONNX Runtime passes silently over a provider that it was built without.
    if (!known.has(accelerator)) {
      reasons.push(`ONNX Runtime has no ${accelerator} on this platform`);
      continue;
    }
    try {
      const infer = await createInfer(model, model.file, { executionProviders: [accelerator, 'cpu'] });
      const input = probe(model.input.size);
      const likeness = cosine(toUnitLength(await infer(input.slice())), toUnitLength(await onProcessor(input)));
      if (likeness >= SAME_VECTOR) return { infer, fallback: null };
      reasons.push(`${accelerator} computes other vectors (cosine ${likeness.toFixed(4)})`);
    } catch (error) {
      reasons.push(`${accelerator} cannot be used here (${messageOf(error).split('\n')[0]})`);
    }
  }
  return { infer: onProcessor, fallback: reasons.length === 0 ? null : reasons.join('; ') };
}

/**
 * Opens the model on the processor, from its optimised copy in `cacheDir`, making that copy first where there is none.
 * @param threads for each photo; the vector is the same bit for bit with any number of them
 */
export async function openSession(model: EmbeddingModel, cacheDir: string, threads = 1): Promise<Infer> {
  const { env, InferenceSession } = await import('onnxruntime-node');
  env.logLevel = 'error';
  const runtime = env.versions.node ?? env.versions.common;
  const graph = await optimizedGraph({ sha256: model.sha256, runtime, cacheDir }, async (save) => {
    await (await InferenceSession.create(model.file, { ...OPTIONS, graphOptimizationLevel: 'all', ...save })).release();
  });
  const intraOpNumThreads = Math.min(threads, MOST_THREADS);
  return graph === null
    ? createInfer(model, model.file, { intraOpNumThreads, graphOptimizationLevel: 'all' })
    : createInfer(model, graph, { intraOpNumThreads, graphOptimizationLevel: 'disabled' });
}

async function createInfer(
  model: EmbeddingModel,
  file: string,
  options: InferenceSession.SessionOptions,
): Promise<Infer> {
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const session = await InferenceSession.create(file, { ...OPTIONS, ...options });
  const name = model.input.name ?? only(session.inputNames, 'input', model);
  const output = model.output ?? only(session.outputNames, 'output', model);
  const { size } = model.input;
  return async (input) => {
    const results = await session.run({ [name]: new Tensor('float32', input, [1, 3, size, size]) }, [output]);
    const features = results[output];
    if (features === undefined || !(features.data instanceof Float32Array)) {
      throw new Error(`${model.file} gives no float32 output named "${output}".`);
    }
    return pool(features.data, model);
  };
}

function only(names: readonly string[], what: string, model: EmbeddingModel): string {
  const [name, ...others] = names;
  if (name === undefined || others.length > 0) {
    throw new Error(`${model.file} has ${names.length} ${what}s (${names.join(', ')}); its description must name one.`);
  }
  return name;
}

/** [dim] as it is, or the average over the positions of [dim, height, width]. */
function pool(features: Float32Array, { dim, pooling, file }: EmbeddingModel): Float32Array {
  const positions = features.length / dim;
  if (pooling === 'none' ? positions !== 1 : !Number.isInteger(positions)) {
    throw new Error(`${file} gives ${features.length} numbers for a photo, where ${dim} are described.`);
  }
  // A copy: the runtime may reuse its output's memory.
  if (positions === 1) return features.slice();
  return Float32Array.from({ length: dim }, (_, channel) => {
    let sum = 0;
    for (let p = channel * positions; p < (channel + 1) * positions; p++) sum += features[p] as number;
    return sum / positions;
  });
}
