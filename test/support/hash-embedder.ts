import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Embedder, EmbeddingModel, EmbedRequest, EmbedResult } from '../../src/embedding/port.ts';
import { systemErrorCode } from '../../src/errors.ts';
import { FACTS_VERSION } from '../../src/photos/facts.ts';
import { UNDATED } from '../../src/photos/metadata/taken.ts';

export const testModel: EmbeddingModel = {
  id: 'test',
  sha256: '0'.repeat(64),
  file: '/nowhere.onnx',
  dim: 4,
  input: { name: null, size: 224, resizeShortSide: 235, scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
  output: null,
  pooling: 'none',
  thresholds: { nearDuplicate: 0.95, burst: 0.9, similar: 0.5 },
  ranking: null,
};

/** Makes a unit vector from the file's hash, so that the same content has the same vector; counts what it embedded. */
export class HashEmbedder implements Embedder {
  readonly model = testModel;
  readonly capacity = 3;
  embedded = 0;
  /** Called before each file, to interfere with a run. */
  onEmbed: () => void = () => undefined;

  async embed({ file, isKnown = () => false, isStale = () => false }: EmbedRequest): Promise<EmbedResult> {
    this.onEmbed();
    try {
      const [bytes, { size, mtimeMs }] = await Promise.all([readFile(file), stat(file)]);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const facts = { width: 4, height: 3, ...UNDATED, camera: null, quality: 1, facts: FACTS_VERSION };
      if (await isKnown(sha256)) {
        const known = { kind: 'known', sha256, size, mtimeMs: Math.round(mtimeMs) } as const;
        return (await isStale(sha256)) ? { ...known, facts } : known;
      }
      if (bytes.toString() === 'broken') return { kind: 'fault', fault: { code: 'corrupt', reason: 'it is damaged' } };
      this.embedded += 1;
      const vector = Float32Array.from(
        [0, 1, 2, 3],
        (i) => Number.parseInt(sha256.slice(i * 4, i * 4 + 4), 16) - 32768,
      );
      const length = Math.hypot(...vector);
      const unit = vector.map((value) => value / length);
      return { kind: 'embedded', photo: { sha256, size, mtimeMs: Math.round(mtimeMs), ...facts, vector: unit } };
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
      return { kind: 'fault', fault: { code: 'vanished', reason: 'it is gone' } };
    }
  }
  async close(): Promise<void> {}
}
