import type { InferenceSession } from 'onnxruntime-node';
import type { EmbeddingModel } from './port.ts';
import { optimizedGraph } from './session-cache.ts';

/** [3, size, size] in, the model's raw features out. Runs on the calling thread and blocks it. */
export type Infer = (input: Float32Array) => Promise<Float32Array>;

const QUIET = 3;
const OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  // Photos are spread over processes; threads within one photo would only compete with them.
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  logSeverityLevel: QUIET,
};

/** Opens the model from its optimised copy in `cacheDir`, making that copy first where there is none. */
export async function openSession(model: EmbeddingModel, cacheDir: string): Promise<Infer> {
  const ort = await import('onnxruntime-node');
  ort.env.logLevel = 'error';
  const { InferenceSession, Tensor } = ort;
  const create = (file: string, options: InferenceSession.SessionOptions): Promise<InferenceSession> =>
    InferenceSession.create(file, { ...OPTIONS, ...options });
  const runtime = ort.env.versions.node ?? ort.env.versions.common;
  const graph = await optimizedGraph({ sha256: model.sha256, runtime, cacheDir }, async (save) => {
    await (await create(model.file, { graphOptimizationLevel: 'all', ...save })).release();
  });
  const session = await (graph === null
    ? create(model.file, { graphOptimizationLevel: 'all' })
    : create(graph, { graphOptimizationLevel: 'disabled' }));
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
