import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Candidate } from '../../src/casting/candidate.ts';
import { collapse } from '../../src/casting/collapse.ts';
import { resolveModel } from '../../src/embedding/models.ts';
import { loadSettings } from '../../src/settings.ts';
import { repository } from '../support/cli.ts';
import { builtEmbedder } from '../support/embedder.ts';
import { testWorld } from '../support/world.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-exposures-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const SCENES = ['Garden/bee.jpg', 'Scans/drums.jpg', '2025-05 Füssen/neuschwanstein.jpg', 'pets/dog-1.jpg'];
/** As a camera's bracket takes them. */
const STOPS = [-1.5, 0, 1.5];

/** On sRGB's encoded values, whose gamma is about 2.2. */
async function expose(scene: string, stops: number): Promise<string> {
  const file = join(folder, `${basename(scene, '.jpg')}${stops}.jpg`);
  await sharp(join(repository, 'fixtures', 'photos', scene))
    .linear(2 ** (stops / 2.2), 0)
    .jpeg()
    .toFile(file);
  return file;
}

test.each(['resnet50', 'resnet50-int8'])(
  'frames of one bracket are one burst, other scenes are not, by %s',
  async (id) => {
    const world = testWorld({ env: { CURATE_HOME: folder } });
    const model = await resolveModel(world, loadSettings(world), id);
    const { openEmbedder } = await builtEmbedder();
    const embedder = await openEmbedder(world, model, { cacheDir: join(folder, 'cache'), jobs: 1 });
    const take = async (scene: string, stops: number): Promise<Candidate> => {
      const file = await expose(scene, stops);
      const result = await embedder.embed({ file });
      if (result.kind !== 'embedded') throw new Error(`${file} was not embedded`);
      return { ...result.photo, file, score: 1, agreement: null, takenMs: 1_700_000_000_000 };
    };
    try {
      const frames = await Promise.all(SCENES.flatMap((scene) => STOPS.map((stops) => take(scene, stops))));
      const { kept, dropped } = collapse(frames, [], model.thresholds);
      expect(kept.map(({ groupSize }) => groupSize)).toEqual(SCENES.map(() => STOPS.length));
      expect(new Set(dropped.map(({ kind }) => kind))).toEqual(new Set(['burst']));
    } finally {
      await embedder.close();
    }
  },
);
