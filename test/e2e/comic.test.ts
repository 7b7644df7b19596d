import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/files/hash.ts';
import type { Part } from '../fake-openai/edits.ts';
import { repository } from '../support/cli.ts';
import type { PictureJson } from '../support/darkroom.ts';
import { cat, copyPhotos, fixtures, Studio } from './comic-support.ts';

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
  for (const folder of ['', 'pets', 'Zoo']) await rm(join(photos, folder, '.curateprivate'), { force: true });
});
afterAll(() => studio.close());

function parts(): readonly Part[] {
  return studio.answered[0]?.form?.parts ?? [];
}

function used({ references }: PictureJson): PictureJson['references'] {
  return references.filter((reference) => reference.used);
}

describe('casting', () => {
  it('fills six places: the query first, then one frame each of what is like it', async () => {
    const made = await studio.spawnJson(['comic', cat, 'A comic', '--min-score', '-1', '--yes']);
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

  it('looks only where and when it is told to', async () => {
    const within = await studio.spawnJson(['comic', cat, 'x', '--in', join(photos, 'Zoo'), '--dry-run', '--out', 'a']);
    const elsewhere = within.references.slice(1).filter(({ path }) => !path.startsWith(join(photos, 'Zoo')));
    expect([within.references.length > 1, elsewhere]).toEqual([true, []]);
    const dated = await studio.spawnJson([
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
});

describe('what is sent', () => {
  it('is what the dry run showed, byte for byte', async () => {
    const args = ['comic', cat, 'A comic', '--refs', '4'];
    const { code, stdout } = await studio.spawn([...args, '--dry-run'], { env: { OPENAI_API_KEY: '' } });
    expect([code, stdout]).toEqual([0, `${join(studio.folder, 'a-comic.dry-run', 'index.html')}\n`]);
    expect(studio.fake.received).toHaveLength(0);
    const folder = join(studio.folder, 'a-comic.dry-run');
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as {
      text: string;
      parameters: Record<string, unknown>;
      references: { file: string; sentSha256: string; tokens: number }[];
    };
    expect((await studio.spawn([...args, '--yes'])).stdout).toBe(`${join(studio.folder, 'a-comic.png')}\n`);
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
    const made = await studio.spawnJson(['comic', panda, 'x', '--no-query', '--min-score', '-1', '--yes']);
    expect(made.exit).toBe(0);
    expect(used(made).some(({ path }) => path.startsWith(join(photos, 'Zoo')))).toBe(false);
  });

  it('are named by the setting, too', async () => {
    const env = { CURATE_PRIVATE: 'pets/, *.avif' };
    const args = ['comic', cat, 'x', '--refs', '16', '--yes'];
    // The query shows what one of the private photos shows.
    const refused = await studio.spawnJson<{ error: { message: string } }>(args, { env });
    expect(refused).toMatchObject({ exit: 4, error: { message: expect.stringContaining('nearly the same photo is') } });
    const made = await studio.spawnJson([...args, '--allow-private', cat], { env });
    expect(used(made).filter(({ path }) => /\/pets\/|\.avif$/.test(path))).toEqual([]);
    expect(made.references.filter(({ reason }) => reason === 'private').length).toBeGreaterThan(3);
  });
});

it('says how to begin when nothing is indexed', async () => {
  const env = { CURATE_HOME: join(studio.home.path, 'another') };
  const { code, stderr } = await studio.spawn(['comic', cat, 'x', '--dry-run'], { env });
  await studio.spawn(['stop'], { env });
  expect([code, stderr]).toEqual([1, expect.stringContaining('curate index')]);
});
