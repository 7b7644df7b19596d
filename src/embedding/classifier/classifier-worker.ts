import { parentPort, workerData } from 'node:worker_threads';
import { Classifier, type ClassifierParts } from './classifier.ts';

const { bytes, shape }: ClassifierParts = workerData;
const classifier = new Classifier(bytes, shape);
const { dim, classes } = shape;
parentPort?.on('message', (vectors: Float32Array) => {
  const rows = Array.from({ length: vectors.length / dim }, (_, i) => vectors.subarray(i * dim, (i + 1) * dim));
  const shares = new Float32Array(rows.length * classes);
  for (const [i, share] of classifier.probabilities(rows).entries()) shares.set(share, i * classes);
  parentPort?.postMessage(shares, [shares.buffer]);
});
// From now on it can be asked.
parentPort?.postMessage(null);
