import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/picture/hash.ts';
import { metadataOf } from '../../src/picture/segments.ts';
import type { Part } from '../fake-openai/edits.ts';
import { repository } from '../support/cli.ts';
import { type ComicJson, cat, copyPhotos, fixtures, readLineage, Studio } from './comic-support.ts';

let studio: Studio;
let photos: string;
let bursts: Record<string, string[]>;

beforeAll(async () => {
  studio = await Studio.open();
  photos = join(studio.home.path, 'photos');
  await mkdir(photos);
  await copyPhotos(await readdir(join(fixtures, 'photos')), photos);
  const groups = JSON.parse(await readFile(join(fixtures, 'groups.json'), 'utf8')) as {
    bursts: Record<string, string[]>;
  };
  bursts = groups.bursts;
  const { code, stderr } = await studio.home.curate(['index', photos], { cwd: repository });
  if (code !== 0) throw new Error(stderr);
});
beforeEach(async () => {
  await studio.fresh();
  for (const folder of ['', 'pets', 'Zoo']) await writeFile(join(photos, folder, '.curateprivate'), '# nothing\n');
});
afterAll(() => studio.close());

function parts(): readonly Part[] {
  return studio.answered[0]?.form?.parts ?? [];
}

function used({ references }: ComicJson): ComicJson['references'] {
  return references.filter((reference) => reference.used);
}

describe('casting', () => {
  it('fills six places: the query first, then one frame each of what is like it', async () => {
    const made = await studio.json(['comic', cat, 'A comic', '--yes']);
    expect(made.exit).toBe(0);
    expect(used(made)).toHaveLength(6);
    expect(used(made)[0]).toMatchObject({ path: cat, role: 'query', score: null });
    expect(parts()).toHaveLength(6);
    for (const frames of Object.values(bursts)) {
      const files = frames.map((frame) => join(photos, frame));
      expect(used(made).filter(({ path }) => files.includes(path)).length).toBeLessThanOrEqual(1);
    }
    const names = new Set(made.references.map(({ path }) => path));
    expect(names.size).toBe(made.references.length);
    expect(made.references.length).toBeGreaterThanOrEqual(24);
    for (const { reason } of made.references) expect(reason).not.toBe('');
  });

  it('sends the sharpest frame of a burst, and says why the others stay behind', async () => {
    const [first = '', ...others] = bursts.bridge ?? [];
    const made = await studio.json([
      'comic',
      join(fixtures, 'queries', 'castle.jpg'),
      'x',
      '--refs',
      '16',
      '--dry-run',
    ]);
    const frames = made.references.filter(({ path }) =>
      [first, ...others].some((frame) => path === join(photos, frame)),
    );
    expect(frames).toHaveLength(3);
    const [best, ...rest] = frames.sort((a, b) => Number(b.used) - Number(a.used));
    expect(best?.reason).toBe('best of 3 alike');
    for (const { reason } of rest) {
      expect(reason).toMatch(new RegExp(`^(burst of|too like) ${basename(best?.path ?? '')}`));
    }
  });

  it('takes the query out with --no-query, and photos in with --ref', async () => {
    const panda = join(fixtures, 'queries', 'panda.jpg');
    const made = await studio.json(['comic', cat, 'x', '--no-query', '--ref', panda, '--refs', '3', '--yes']);
    expect(used(made).map(({ role }) => role)).toEqual(['reference', 'reference', 'reference']);
    expect(used(made)[0]).toMatchObject({ path: panda, reason: 'named by hand' });
    expect(made.text).toMatch(/^The 3 pictures are reference photos\./);
    // The photo by hand stands for its burst.
    const pandas = (bursts['red-panda'] ?? []).map((frame) => join(photos, frame));
    expect(used(made).some(({ path }) => pandas.includes(path))).toBe(false);
  });

  it('sends a photo once, however often and under whatever name it is given', async () => {
    await cp(cat, join(studio.folder, 'copy.jpg'));
    await symlink(cat, join(studio.folder, 'link.jpg'));
    const refs = ['copy.jpg', 'link.jpg', cat].flatMap((file) => ['--ref', file]);
    const made = await studio.json(['comic', cat, 'x', ...refs, '--refs', '3', '--yes']);
    expect(used(made).map(({ path }) => path)).toEqual([cat]);
    expect(parts()).toHaveLength(1);
    expect(made.references.filter(({ reason }) => reason === 'copy of cat.jpg')).toHaveLength(2);
  });

  it('does not send the query with --no-query, nor a copy of it, though both are indexed', async () => {
    const query = join(photos, 'pets', 'kitten-1.jpg');
    const copy = join(studio.folder, 'copy.jpg');
    await writeFile(copy, await readFile(query));
    for (const [i, name] of [query, copy].entries()) {
      const made = await studio.json(['comic', name, 'x', '--no-query', '--dry-run', '--out', `dry-${i}`]);
      expect(used(made)).toHaveLength(6);
      expect(used(made).some(({ path }) => path === query || path === copy)).toBe(false);
    }
  });

  it('looks only where and when it is told to', async () => {
    const within = await studio.json(['comic', cat, 'x', '--in', join(photos, 'Zoo'), '--dry-run', '--out', 'a']);
    const elsewhere = within.references.slice(1).filter(({ path }) => !path.startsWith(join(photos, 'Zoo')));
    expect([within.references.length > 1, elsewhere]).toEqual([true, []]);
    const dated = await studio.json([
      'comic',
      cat,
      'x',
      '--after',
      '2024-06',
      '--before',
      '2024-07',
      '--dry-run',
      '--out',
      'b',
    ]);
    expect(dated.references.length).toBeLessThan(41);
    expect(dated.references.length).toBeGreaterThan(1);
  });

  it('gives the place of a photo that changed or went since it was indexed to the next', async () => {
    const before = await studio.json(['comic', cat, 'x', '--refs', '3', '--dry-run', '--out', 'before']);
    const [, second, third] = used(before);
    const [original, gone] = [second?.path ?? '', third?.path ?? ''];
    const [bytes, kept] = [await readFile(original), await readFile(gone)];
    try {
      await writeFile(original, await readFile(join(fixtures, 'broken', 'damaged-hidden.jpg')));
      await writeFile(gone, await readFile(cat));
      const after = await studio.json(['comic', cat, 'x', '--refs', '3', '--dry-run', '--out', 'after']);
      expect(used(after)).toHaveLength(3);
      expect(after.references).toContainEqual(
        expect.objectContaining({ path: original, used: false, reason: 'it is damaged' }),
      );
      expect(after.references).toContainEqual(
        expect.objectContaining({ path: gone, used: false, reason: 'changed since it was indexed' }),
      );
    } finally {
      await writeFile(original, bytes);
      await writeFile(gone, kept);
    }
  });

  it('drops references for the budget before quality, and says which', async () => {
    const made = await studio.json(['comic', cat, 'x', '--max-cost', '0.07']);
    expect(made.exit).toBe(0);
    expect(made.dropped[0]).toMatch(/^\d of 6 references$/);
    expect(parts()).toHaveLength(used(made).length);
    expect(made.references.filter(({ reason }) => reason === 'budget')).toHaveLength(6 - used(made).length);
    expect(made.cost.estimatedUsd).toBeLessThanOrEqual(0.07);
    expect(made.text).toContain(`Pictures 2 to ${used(made).length}`);
  });
});

describe('what is sent', () => {
  it('is upright, at most 1,536 pixels, without metadata, and stands in the lineage by its sha256', async () => {
    const made = await studio.json([
      'comic',
      join(photos, 'Orientation', 'kingfisher-6.jpg'),
      'x',
      '--refs',
      '16',
      '--yes',
    ]);
    const { references } = await readLineage(made.lineage[0]);
    expect(parts()).toHaveLength(references.length);
    for (const [i, { bytes, type, filename }] of parts().entries()) {
      expect([type, filename]).toEqual(['image/jpeg', `reference-${String(i + 1).padStart(2, '0')}.jpg`]);
      expect(metadataOf(bytes)).toEqual([]);
      const sent = await sharp(bytes).metadata();
      const upright = (await sharp(references[i]?.path).metadata()).autoOrient;
      expect(Math.max(sent.width, sent.height)).toBeLessThanOrEqual(1536);
      expect(sent.width / sent.height).toBeCloseTo(upright.width / upright.height, 1);
      expect(references[i]).toMatchObject({
        sentSha256: sha256(bytes),
        sentBytes: bytes.length,
        sha256: sha256(await readFile(references[i]?.path ?? '')),
      });
    }
  });

  it('is what the dry run showed, byte for byte', async () => {
    const args = ['comic', cat, 'A comic', '--refs', '4'];
    const { code, stdout } = await studio.run([...args, '--dry-run'], { env: { OPENAI_API_KEY: '' } });
    expect([code, stdout]).toEqual([0, `${join(studio.folder, 'a-comic.dry-run', 'index.html')}\n`]);
    expect(studio.fake.received).toHaveLength(0);
    const folder = join(studio.folder, 'a-comic.dry-run');
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as {
      text: string;
      parameters: Record<string, unknown>;
      references: { file: string; sentSha256: string; tokens: number }[];
    };
    expect((await studio.run([...args, '--yes'])).stdout).toBe(`${join(studio.folder, 'a-comic.png')}\n`);
    expect(parts().map(({ bytes }) => sha256(bytes))).toEqual(manifest.references.map(({ sentSha256 }) => sentSha256));
    for (const { file, sentSha256 } of manifest.references) {
      expect(sha256(await readFile(join(folder, file)))).toBe(sentSha256);
    }
    const { prompt, model, ...fields } = Object.fromEntries(studio.answered[0]?.form?.fields ?? []);
    expect(prompt).toBe(manifest.text);
    expect(fields).toEqual(Object.fromEntries(Object.entries(manifest.parameters).map(([k, v]) => [k, String(v)])));
    const page = await readFile(join(folder, 'index.html'), 'utf8');
    for (const { file, sentSha256 } of manifest.references) {
      expect(page).toContain(`src="${file}"`);
      expect(page).toContain(sentSha256);
    }
    expect(page).toContain('about $0.0');
  });

  it('says where it cannot be rehearsed', async () => {
    await writeFile(join(studio.folder, 'plain'), '');
    for (const out of ['plain', 'plain/dry']) {
      const { code, stderr } = await studio.run(['comic', cat, 'x', '--refs', '1', '--dry-run', '--out', out]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/curate: The dry run .*plain.* cannot be written: .*(has that name|is not a folder)\./);
    }
  });

  it('is never rehearsed over another dry run', async () => {
    const args = ['comic', cat, 'A comic', '--refs', '1', '--dry-run'];
    await studio.run([...args, '--out', 'dry']);
    expect((await studio.run([...args, '--out', 'dry'])).code).toBe(4);
    expect((await studio.run([...args, '--out', 'dry', '--force'])).code).toBe(0);
    await studio.run(args);
    expect((await studio.run(args)).stdout).toContain('a-comic.dry-run-2');
  });
});

describe('private photos', () => {
  it('are searched, but never sent', async () => {
    await writeFile(join(photos, '.curateprivate'), 'pets/\n');
    const made = await studio.json(['comic', cat, 'x', '--refs', '5', '--yes']);
    const inPets = made.references.filter(({ path }) => path.startsWith(join(photos, 'pets')));
    expect(inPets.length).toBeGreaterThan(3);
    for (const reference of inPets) expect(reference).toMatchObject({ used: false, reason: 'private' });
    expect(used(made)).toHaveLength(5);
    const found = await studio.json<{ results: { path: string }[] }>(['search', cat, '--k', '3']);
    expect(found.results.some(({ path }) => path.startsWith(join(photos, 'pets')))).toBe(true);
  });

  it('are not sent as the query or by --ref, but the query still searches with --no-query', async () => {
    await writeFile(join(photos, 'Zoo', '.curateprivate'), '');
    const panda = join(photos, 'Zoo', 'red-panda-1.jpg');
    const asQuery = await studio.json<{ error: { code: string } }>(['comic', panda, 'x', '--yes']);
    expect(asQuery).toMatchObject({ exit: 4, error: { code: 'private', hint: expect.stringContaining('--no-query') } });
    const byHand = await studio.run(['comic', cat, 'x', '--ref', panda, '--yes']);
    expect([byHand.code, byHand.stderr]).toEqual([4, expect.stringContaining('--allow-private')]);
    expect(byHand.stderr).not.toContain('--no-query');
    expect((await studio.run(['comic', panda, 'x', '--dry-run'])).code).toBe(4);
    expect(studio.fake.received).toHaveLength(0);
    const made = await studio.json(['comic', panda, 'x', '--no-query', '--yes']);
    expect(made.exit).toBe(0);
    expect(used(made).some(({ path }) => path.startsWith(join(photos, 'Zoo')))).toBe(false);
  });

  it('are sent when --allow-private names that very file, and only that', async () => {
    await writeFile(join(photos, 'Zoo', '.curateprivate'), '*');
    const panda = join(photos, 'Zoo', 'red-panda-1.jpg');
    const made = await studio.json(['comic', panda, 'x', '--allow-private', panda, '--yes']);
    expect(made.exit).toBe(0);
    expect(
      used(made)
        .filter(({ path }) => path.startsWith(join(photos, 'Zoo')))
        .map(({ path }) => path),
    ).toEqual([panda]);
  });

  it('are named by the setting, too', async () => {
    const env = { CURATE_PRIVATE: 'pets/, *.avif' };
    const made = await studio.json(['comic', cat, 'x', '--refs', '16', '--yes'], { env });
    expect(used(made).filter(({ path }) => /\/pets\/|\.avif$/.test(path))).toEqual([]);
    expect(made.references.filter(({ reason }) => reason === 'private').length).toBeGreaterThan(3);
  });

  it('are not sent as a copy that lies elsewhere', async () => {
    await writeFile(join(photos, 'pets', '.curateprivate'), 'kitten-1.jpg\n');
    const copy = join(studio.folder, 'copy.jpg');
    await writeFile(copy, await readFile(join(photos, 'pets', 'kitten-1.jpg')));
    const { code, stderr } = await studio.run(['comic', copy, 'x', '--yes']);
    expect([code, studio.fake.received.length]).toEqual([4, 0]);
    expect(stderr).toContain('the same photo is');
  });
});

it('says how to begin when nothing is indexed', async () => {
  const env = { CURATE_HOME: join(studio.home.path, 'another') };
  const { code, stderr } = await studio.run(['comic', cat, 'x', '--dry-run'], { env });
  await studio.run(['stop'], { env });
  expect([code, stderr]).toEqual([1, expect.stringContaining('curate index')]);
});
