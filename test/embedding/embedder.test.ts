import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { resolveModel } from '../../src/embedding/models.ts';
import type { EmbeddingModel, EmbedResult } from '../../src/embedding/port.ts';
import { loadSettings } from '../../src/settings.ts';
import { repository } from '../support/cli.ts';
import { builtEmbedder, watchedWorld } from '../support/embedder.ts';
import { testWorld } from '../support/world.ts';

const photos = join(repository, 'fixtures', 'photos');

let folder: string;
let cacheDir: string;
let model: EmbeddingModel;
let files: string[];
let openEmbedder: Awaited<ReturnType<typeof builtEmbedder>>['openEmbedder'];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-embedder-'));
  cacheDir = join(folder, 'cache');
  const world = testWorld({ env: { CURATE_HOME: folder } });
  model = await resolveModel(world, loadSettings(world));
  ({ openEmbedder } = await builtEmbedder());
  files = ['crab.jpg', 'pets/chelsea.png', 'pets/wool.webp', 'Garden/bee.jpg'].map((name) => join(photos, name));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function vectorOf(result: EmbedResult | undefined): Float32Array {
  if (result?.kind !== 'embedded') throw new Error(`not embedded: ${JSON.stringify(result)}`);
  return result.photo.vector;
}

const alive = (pid: number | undefined): boolean => pid !== undefined && testWorld().signal(pid, 0);

describe('the embedder', () => {
  test('gives unit vectors, facts, faults and known hashes, however many are asked at once', async () => {
    const embedder = await openEmbedder(testWorld(), model, { cacheDir, jobs: 2 });
    const [crab = ''] = files;
    const bytes = await readFile(crab);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    try {
      const asked = Array.from({ length: 20 }, (_, i) => embedder.embed({ file: files[i % files.length] ?? '' }));
      const known = await embedder.embed({ file: crab, isKnown: (hash) => hash === sha256 });
      const unknown = await embedder.embed({ file: crab, isKnown: () => false });
      const stale = await embedder.embed({ file: crab, isKnown: () => true, isStale: (hash) => hash === sha256 });
      const fault = await embedder.embed({ file: join(folder, 'nowhere.jpg') });
      const results = await Promise.all(asked);
      for (const [i, result] of results.entries()) {
        const vector = vectorOf(result);
        expect(vector).toBeInstanceOf(Float32Array);
        expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
        expect(vector).toEqual(vectorOf(results[i % files.length]));
      }
      const { mtimeMs, size } = await stat(crab);
      expect(results[0]).toMatchObject({ photo: { sha256, size, mtimeMs: Math.round(mtimeMs), width: 1120 } });
      if (unknown.kind !== 'embedded' || stale.kind !== 'known') throw new Error('it was taken for something else');
      const { vector, sha256: _hash, size: _size, mtimeMs: _time, ...facts } = unknown.photo;
      expect([vector.length, stale.facts]).toEqual([2048, facts]);
      expect(known).toEqual({ kind: 'known', sha256, size, mtimeMs: Math.round(mtimeMs) });
      expect(vectorOf(unknown)).toEqual(vectorOf(results[0]));
      expect(fault).toEqual({ kind: 'fault', fault: { code: 'not_found', reason: 'does not exist' } });
    } finally {
      await embedder.close();
    }
  });

  test('starts one worker for one photo, none for none, and leaves none behind', async () => {
    const world = watchedWorld();
    const embedder = await openEmbedder(world, model, { cacheDir, jobs: 2 });
    expect(world.children).toHaveLength(0);
    for (const file of files) vectorOf(await embedder.embed({ file }));
    expect(world.children).toHaveLength(1);
    await embedder.close();
    expect(alive(world.children[0]?.pid)).toBe(false);
    await expect(embedder.embed({ file: files[0] ?? '' })).rejects.toThrow('Embedding was stopped.');
  });

  test('ends a worker that has nothing to do, and starts another for the next photo', async () => {
    const world = watchedWorld();
    const [file = ''] = files;
    const embedder = await openEmbedder(world, model, { cacheDir, jobs: 1, eager: true, idleMs: 50 });
    try {
      const first = vectorOf(await embedder.embed({ file }));
      await vi.waitFor(() => expect(alive(world.children.at(-1)?.pid)).toBe(false), 10_000);
      const started = world.children.length;
      const [second, third] = await Promise.all([embedder.embed({ file }), embedder.embed({ file })]);
      expect(vectorOf(second)).toEqual(first);
      expect(vectorOf(third)).toEqual(first);
      expect(world.children).toHaveLength(started + 1);
    } finally {
      await embedder.close();
    }
    expect(world.children.some(({ pid }) => alive(pid))).toBe(false);
  });

  test('loses only the photo that crashes a worker', async () => {
    const poison = join(folder, 'poison.jpg');
    await cp(files[0] ?? '', poison);
    const world = watchedWorld((child, { file }) => {
      if (file === poison) setTimeout(() => child.kill('SIGKILL'), 5);
    });
    const embedder = await openEmbedder(world, model, { cacheDir, jobs: 2 });
    const order = [files[1], poison, files[2], files[3], poison, files[0], files[1], files[2]];
    try {
      const results = await Promise.all(order.map((file = '') => embedder.embed({ file })));
      for (const [i, result] of results.entries()) {
        if (order[i] === poison) expect(result).toMatchObject({ fault: { code: 'decoder_crashed' } });
        else expect(Math.hypot(...vectorOf(result))).toBeCloseTo(1, 6);
      }
    } finally {
      await embedder.close();
    }
  });

  test('loses nothing when its workers are killed for another reason', async () => {
    const world = watchedWorld();
    const embedder = await openEmbedder(world, model, { cacheDir, jobs: 2 });
    try {
      const asked = Array.from({ length: 24 }, (_, i) => embedder.embed({ file: files[i % files.length] ?? '' }));
      await asked[2];
      for (const child of world.children) child.kill('SIGKILL');
      for (const result of await Promise.all(asked)) vectorOf(result);
    } finally {
      await embedder.close();
    }
  });

  test('gives up a photo whose decoding never ends, after saying how long it waited, and goes on', async () => {
    const poison = join(folder, 'endless.jpg');
    await cp(files[0] ?? '', poison);
    const hang = join(folder, 'hang.mjs');
    await writeFile(
      hang,
      `const { on } = process;
      process.on = (event, listener) => on.call(process, event, (message, ...rest) => {
        while (message?.file?.endsWith('endless.jpg'));
        listener(message, ...rest);
      });`,
    );
    const world = watchedWorld();
    const env = { NODE_OPTIONS: `--import=${hang}` };
    const embedder = await openEmbedder({ ...world, env }, model, { cacheDir, jobs: 2, patienceMs: 6000 });
    const order = [files[1], poison, files[2], files[3], poison, files[0], files[1], files[2]];
    const reason = 'was not decoded within 6 seconds';
    try {
      const results = await Promise.all(order.map((file = '') => embedder.embed({ file })));
      for (const [i, result] of results.entries()) {
        if (order[i] === poison) expect(result).toEqual({ kind: 'fault', fault: { code: 'timed_out', reason } });
        else expect(Math.hypot(...vectorOf(result))).toBeCloseTo(1, 6);
      }
    } finally {
      await embedder.close();
    }
    // What was given up is not waited for.
    await vi.waitFor(() => expect(world.children.map(({ pid }) => alive(pid))).not.toContain(true));
  });

  // These wait for seconds, and do so together.
  test.concurrent('does not wait twice for a photo that hangs by itself', async () => {
    const poison = files[1] ?? '';
    const world = watchedWorld((child, { kind, file }) => {
      if (kind === 'embed' && file === poison) child.kill('SIGSTOP');
    });
    const embedder = await openEmbedder(world, model, { cacheDir, jobs: 1, patienceMs: 6000 });
    try {
      vectorOf(await embedder.embed({ file: files[0] ?? '' }));
      const hung = await embedder.embed({ file: poison });
      expect(hung).toMatchObject({ kind: 'fault', fault: { code: 'timed_out' } });
      expect(world.children).toHaveLength(1);
      vectorOf(await embedder.embed({ file: files[2] ?? '' }));
    } finally {
      await embedder.close();
    }
  });

  test.concurrent('loses nothing when a worker is stopped: what it held is done again', async () => {
    let stops = 1;
    const world = watchedWorld((child, { kind }) => {
      if (kind === 'embed' && stops-- > 0) child.kill('SIGSTOP');
    });
    const embedder = await openEmbedder(world, model, { cacheDir, jobs: 1, patienceMs: 6000 });
    try {
      for (const result of await Promise.all(files.map((file) => embedder.embed({ file })))) vectorOf(result);
      expect(world.children).toHaveLength(2);
    } finally {
      await embedder.close();
    }
    await vi.waitFor(() => expect(world.children.map(({ pid }) => alive(pid))).not.toContain(true));
  });

  test('does not wait for ever for a model that never opens', async () => {
    const world = watchedWorld((child, { kind }) => {
      if (kind === 'open') child.kill('SIGSTOP');
    });
    const embedder = await openEmbedder(world, model, { cacheDir, jobs: 1, patienceMs: 200 });
    await expect(embedder.embed({ file: files[0] ?? '' })).rejects.toMatchObject({
      code: 'model_broken',
      message: expect.stringContaining('it did not answer within 0.2 seconds'),
    });
    await embedder.close();
  });

  test.concurrent('does not count the time in which the whole process was suspended', async () => {
    const script = `
      import { openEmbedder } from ${JSON.stringify(join(repository, 'dist/embedding/embedder.js'))};
      import { realWorld } from ${JSON.stringify(join(repository, 'dist/world.js'))};
      const world = realWorld();
      const spawn = (...args) => { const child = world.spawn(...args); console.log('worker'); return child; };
      const options = ${JSON.stringify({ cacheDir, jobs: 1, patienceMs: 6000 })};
      const embedder = await openEmbedder({ ...world, spawn }, ${JSON.stringify(model)}, options);
      const photos = ${JSON.stringify(files)}.concat(${JSON.stringify(files)});
      const all = await Promise.all(photos.map((file) => embedder.embed({ file })));
      console.log(all.map(({ kind }) => kind).join());
      await embedder.close();`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { detached: true });
    let out = '';
    parent.stdout.on('data', (chunk) => {
      out += chunk;
    });
    const ended = new Promise((resolve) => parent.once('exit', resolve));
    while (!out.includes('worker')) await sleep(5);
    // The group: the process and its workers, as Ctrl-Z does it.
    const group = -(parent.pid ?? Number.NaN);
    process.kill(group, 'SIGSTOP');
    await sleep(8000);
    process.kill(group, 'SIGCONT');
    expect(await ended).toBe(0);
    expect(out).toBe(`worker\n${Array(8).fill('embedded').join()}\n`);
  });

  test('says so when the model cannot be run, rather than blaming every photo', async () => {
    const file = join(folder, 'broken.onnx');
    await writeFile(file, 'this is no model');
    const broken = { ...model, file, sha256: 'b'.repeat(64) };
    const embedder = await openEmbedder(testWorld(), broken, { cacheDir, jobs: 2 });
    const asked = files.map((photo) => embedder.embed({ file: photo }));
    for (const result of await Promise.allSettled(asked)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'model_broken' } });
    }
    await embedder.close();
  });

  test('fails when its workers cannot even start', async () => {
    const world = { ...testWorld(), nodePath: '/bin/false' };
    const embedder = await openEmbedder(world, model, { cacheDir, jobs: 2 });
    await expect(embedder.embed({ file: files[0] ?? '' })).rejects.toMatchObject({ code: 'model_broken' });
    await embedder.close();
  });

  test('gives up what is in flight when it is closed', async () => {
    const world = watchedWorld();
    const embedder = await openEmbedder(world, model, { cacheDir, jobs: 2 });
    const asked = files.map((file) => embedder.embed({ file }));
    const settled = Promise.allSettled(asked);
    await sleep(200);
    await embedder.close();
    const failed = (await settled).filter(({ status }) => status === 'rejected');
    for (const result of failed) expect(result).toMatchObject({ reason: { code: 'embedder_closed' } });
    expect(world.children.map(({ pid }) => alive(pid))).not.toContain(true);
  });

  test('leaves no worker behind when its process is killed', async () => {
    const script = `
      import { openEmbedder } from ${JSON.stringify(join(repository, 'dist/embedding/embedder.js'))};
      import { realWorld } from ${JSON.stringify(join(repository, 'dist/world.js'))};
      const world = realWorld();
      const spawn = (...args) => { const child = world.spawn(...args); console.log(child.pid); return child; };
      const embedder = await openEmbedder({ ...world, spawn }, ${JSON.stringify(model)}, ${JSON.stringify({ cacheDir, jobs: 1 })});
      for (;;) await embedder.embed({ file: ${JSON.stringify(files[0])} });`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script]);
    const worker = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
    expect(alive(worker)).toBe(true);
    await sleep(300);
    parent.kill('SIGKILL');
    for (let tries = 0; alive(worker) && tries < 100; tries++) await sleep(50);
    expect(alive(worker)).toBe(false);
  });
});

describe('the optimised graph', () => {
  async function embedWith(cache: string): Promise<Float32Array> {
    const embedder = await openEmbedder(testWorld(), model, { cacheDir: cache, jobs: 1 });
    try {
      return vectorOf(await embedder.embed({ file: files[0] ?? '' }));
    } finally {
      await embedder.close();
    }
  }

  test('is made once, gives the vectors of the model itself, and is made again when it is damaged', async () => {
    const cache = join(folder, 'graphs');
    const first = await embedWith(cache);
    const [name = '', ...others] = await readdir(cache);
    expect(others).toEqual([]);
    const { ino } = await stat(join(cache, name, 'weights.bin'));
    expect(await embedWith(cache)).toEqual(first);
    expect((await stat(join(cache, name, 'weights.bin'))).ino).toBe(ino);

    await truncate(join(cache, name, 'weights.bin'), 1000);
    expect(await embedWith(cache)).toEqual(first);
    expect((await stat(join(cache, name, 'weights.bin'))).size).toBeGreaterThan(1000);

    // Where it cannot be kept, the model's own file serves.
    await writeFile(join(folder, 'no-folder'), '');
    const without = await embedWith(join(folder, 'no-folder'));
    expect(without.every((value, i) => Math.abs(value - (first[i] ?? 1)) < 1e-6)).toBe(true);
  });
});
