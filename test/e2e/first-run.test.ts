import { cp, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Finished, Home, repository } from '../support/cli.ts';

interface Groups {
  readonly bursts: Record<string, string[]>;
  readonly orientations: string[];
}
interface IndexJson {
  readonly schema: string;
  readonly libraries: readonly {
    added: number;
    unchanged: number;
    photos: number;
    failed: unknown[];
    updated: number;
  }[];
}
interface SearchJson {
  readonly schema: string;
  readonly results: readonly { rank: number; path: string; score: number; takenAt: string | null }[];
}

const photos = join(repository, 'fixtures', 'photos');
let home: Home;
let groups: Groups;
let first: Finished;

beforeAll(async () => {
  home = await Home.make({ fresh: true });
  groups = JSON.parse(await readFile(join(repository, 'fixtures', 'groups.json'), 'utf8')) as Groups;
  first = await home.curate(['index', 'fixtures/photos'], { cwd: repository });
});
afterAll(() => home.remove());

describe("the README's first command, in an empty home", () => {
  it('indexes the photos, setting up its own store', () => {
    expect(first.stderr + first.stdout).toMatch(/40 photos/);
    expect(first.code).toBe(0);
  });

  it('embeds nothing the second time', async () => {
    const again = await home.json<IndexJson>(['index', photos]);
    expect(again).toMatchObject({ schema: 'curate.index/1', exit: 0 });
    expect(again.libraries).toEqual([
      expect.objectContaining({ photos: 40, unchanged: 40, added: 0, updated: 0, failed: [] }),
    ]);
  });

  it("finds each burst's other frames on top", async () => {
    for (const [name, frames] of Object.entries(groups.bursts)) {
      const files = frames.map((frame) => join(photos, frame));
      const args = ['search', '--each', '--json', '--k', String(frames.length - 1)];
      const { stdout } = await home.curate([...args, ...files]);
      const answers = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as SearchJson);
      expect(answers).toHaveLength(frames.length);
      for (const [i, frame] of frames.entries()) {
        const found = answers[i]?.results.map(({ path }) => relative(photos, path)).sort();
        expect(found, `${name}: ${frame}`).toEqual(frames.filter((other) => other !== frame).sort());
      }
    }
  });

  it('finds the upright twins of a photo that lies on its side', async () => {
    const [one = '', ...others] = groups.orientations;
    const { results } = await home.json<SearchJson>(['search', join(photos, one), '--k', '7']);
    expect(results.map(({ path }) => relative(photos, path)).sort()).toEqual(others.sort());
    for (const { score } of results) expect(score).toBeGreaterThan(0.99);
  });

  it("tells when a photo was taken, by its camera's clock and its offset", async () => {
    const query = join(repository, 'fixtures', 'queries', 'bridge.jpg');
    const { results } = await home.json<SearchJson>(['search', query, '--k', '3']);
    const taken = new Map(results.map(({ path, takenAt }) => [relative(photos, path), takenAt]));
    // EXIF of the file: 2024:06:15 22:08:11, -04:00.
    expect(taken.get('2024-06 Cincinnati/bridge-1.jpg')).toBe('2024-06-15T22:08:11-04:00');
  });

  it('writes a contact sheet for the query', async () => {
    const sheet = join(home.path, 'similar.html');
    const found = await home.curate(['search', 'fixtures/queries/cat.jpg', '--k', '6', '--sheet', sheet], {
      cwd: repository,
    });
    expect(found.code).toBe(0);
    expect(found.stdout.trim().split('\n').length).toBeGreaterThanOrEqual(6);
    expect((await stat(sheet)).size).toBeGreaterThan(10_000);
  });

  it('gives no result when nothing is that alike', async () => {
    const query = join(repository, 'fixtures', 'queries', 'castle.jpg');
    const { exit, results } = await home.json<SearchJson>(['search', query, '--min-score', '0.99']);
    expect(exit).toBe(0);
    expect(results).toEqual([]);
  });

  it('says why nothing was found', async () => {
    const query = join(repository, 'fixtures', 'queries', 'castle.jpg');
    const said = async (...flags: string[]) => (await home.curate(['search', query, ...flags])).stderr;
    expect(await said('--min-score', '0.99')).toContain('No photo is that alike');
    expect(await said('--before', '1990')).toBe('No other indexed photo passes --before.\n');
    expect(await said('--format', 'cr3')).toBe(
      'No other indexed photo passes --format.\n  A RAW file with a JPEG or HEIC beside it is found as that.\n',
    );
    expect(await said('--after', '2025', '--before', '2024')).toContain('both after');
  });

  it('sets up no store for a query photo that does not exist', async () => {
    const empty = await Home.make({ fresh: true });
    const { code, stderr } = await empty.curate(['search', 'nothing.jpg']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/nothing\.jpg cannot be used: it does not exist/)]);
    expect(stderr).not.toContain('Setting up');
    await empty.remove();
  });

  it('leaves the query out of its own results, unless asked to keep it', async () => {
    const query = join(photos, groups.orientations[0] ?? '');
    const without = await home.json<SearchJson>(['search', query, '--k', '40']);
    expect(without.results.map(({ path }) => path)).not.toContain(query);
    expect(without.results).toHaveLength(39);
    const kept = await home.json<SearchJson>(['search', query, '--k', '1', '--include-self']);
    expect(kept.results).toEqual([expect.objectContaining({ rank: 1, path: query })]);
    expect(kept.results[0]?.score).toBeCloseTo(1, 4);
  });

  it('lists unreadable photos, goes on, and says so in its exit code', async () => {
    const folder = join(home.path, 'mixed');
    await cp(join(repository, 'fixtures', 'broken'), folder, { recursive: true });
    await cp(join(photos, groups.orientations[0] ?? ''), join(folder, 'sound.jpg'));
    const report = await home.json<{ libraries: { photos: number; failed: { path: string; reason: string }[] }[] }>([
      'index',
      folder,
    ]);
    expect(report.exit).toBe(3);
    const failed = new Map(report.libraries[0]?.failed.map(({ path, reason }) => [path, reason]));
    expect(failed.size).toBeGreaterThanOrEqual(9);
    for (const reason of failed.values()) expect(reason).toMatch(/\w+ \w+/);
    const { results } = await home.json<SearchJson>(['search', join(folder, 'sound.jpg'), '--k', '1']);
    expect(results[0]?.score).toBeGreaterThan(0.99);
  });
});
