import { readFile, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Corpus, makeCorpus } from '../hostile/corpus.ts';
import { type Finished, Home } from '../support/cli.ts';

interface LibraryJson {
  readonly photos: number;
  readonly added: number;
  readonly unchanged: number;
  readonly removed: number;
  readonly failed: readonly { path: string; code: string; reason: string }[];
  readonly skipped: readonly { path: string; reason: string }[];
}
interface IndexJson {
  readonly libraries: readonly LibraryJson[];
  readonly embeddedPerSecond: number;
}
interface SearchJson {
  readonly results: readonly { path: string; score: number; width: number; height: number; available: boolean }[];
}

/** On two cores it takes about half a minute, of which the store's first start a third. */
const BOUND_MS = 150_000;

let home: Home;
let corpus: Corpus;
let first: Finished;
let report: LibraryJson;
let elapsedMs: number;

beforeAll(async () => {
  home = await Home.make();
  corpus = await makeCorpus(join(home.path, 'photos'));
  const started = performance.now();
  first = await home.curate(['index', corpus.root, '--json'], {
    during: (child) => setTimeout(() => child.kill('SIGKILL'), BOUND_MS).unref(),
  });
  elapsedMs = performance.now() - started;
  if (first.signal !== null || first.stdout === '') throw new Error(`index ended by ${first.signal}: ${first.stderr}`);
  const [library] = (JSON.parse(first.stdout) as IndexJson).libraries;
  if (library === undefined) throw new Error(`no library in ${first.stdout}`);
  report = library;
});
afterAll(async () => {
  corpus.server.close();
  await home.remove();
});

/** Bytes that drive a terminal: C0 but for the line's end, DEL, C1, and what turns the direction of writing. */
const DRIVING = /[^\P{Cc}\n]|[\p{Bidi_Control}\u2028\u2029]/u;

function expectHarmless({ stdout, stderr }: Finished): void {
  for (const text of [stdout, stderr]) {
    const at = text.search(DRIVING);
    expect(at === -1 ? '' : JSON.stringify(text.slice(Math.max(0, at - 60), at + 20))).toBe('');
  }
}

async function rows(): Promise<SearchJson['results']> {
  const query = join(corpus.root, 'good.jpg');
  return (await home.json<SearchJson>(['search', query, '--k', '5000', '--include-self'])).results;
}

describe('a folder full of hostile files, indexed in one go', () => {
  it('ends within bounds, and its exit code says that some could not be read', () => {
    expect(first.code).toBe(3);
    expect(elapsedMs).toBeLessThan(BOUND_MS);
  });

  it('makes of each file what is expected of it, and mentions none twice', async () => {
    const found: [string, unknown][] = [
      ...report.failed.map(({ path, code }): [string, unknown] => [path, { failed: code }]),
      ...report.skipped.map(({ path, reason }): [string, unknown] => [path, { skipped: reason }]),
      ...(await rows()).map(({ path, width, height }): [string, unknown] => [path, { indexed: [width, height] }]),
    ];
    const sorted = (entries: [string, unknown][]): [string, unknown][] =>
      entries.map(([path, outcome]): [string, unknown] => [relative(corpus.root, path), outcome]).sort();
    const expected = [...corpus.expected].filter(([, outcome]) => outcome !== 'passed');
    expect(sorted(found)).toEqual(sorted(expected));
  });

  it('says of each in words what is wrong', () => {
    for (const { reason } of report.failed) expect(reason).toMatch(/^[a-z].*\w \w/);
  });

  it('sends nothing to a terminal that could drive it', async () => {
    expectHarmless({ ...first, stdout: '' });
    expectHarmless(await home.curate(['index', corpus.root]));
    expectHarmless(await home.curate(['search', join(corpus.root, 'good.jpg'), '--k', '500']));
    expectHarmless(await home.curate(['search', join(corpus.root, 'broken', 'no \x1b[31m\u202e such.jpg')]));
    for (const name of [
      'red \x1b[31m and title \x1b]0;owned\x07.jpg',
      'marks \u200e\u200f\u061c isolates \u2066a\u2069.jpg',
    ])
      expectHarmless(await home.curate(['search', join(corpus.root, 'names', name)]));
  });

  it('embeds nothing the second time', async () => {
    const { exit, libraries, embeddedPerSecond } = await home.json<IndexJson>(['index', corpus.root]);
    expect(exit).toBe(3);
    const { photos, failed } = report;
    expect(libraries).toEqual([expect.objectContaining({ photos, unchanged: photos, added: 0, removed: 0 })]);
    expect(libraries[0]?.failed).toHaveLength(failed.length);
    expect(embeddedPerSecond).toBe(0);
  });

  it('finds photos under hostile names by themselves, and as available', async () => {
    const paths = [...corpus.expected].flatMap(([path, outcome]) => {
      if (typeof outcome === 'string' || !('indexed' in outcome) || !path.includes('/names/')) return [];
      return /[\n\\%]|\u0301/u.test(path) ? [path] : [];
    });
    expect(paths.length).toBeGreaterThan(3);
    const args = ['search', '--each', '--json', '--k', '5', '--include-self'];
    const { stdout } = await home.curate([...args, ...paths]);
    const answers = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as SearchJson);
    expect(answers).toHaveLength(paths.length);
    for (const [i, path] of paths.entries()) {
      const own = answers[i]?.results.find((result) => result.path === path);
      expect(own, path).toMatchObject({ available: true });
      expect(own?.score, path).toBeGreaterThan(0.999);
    }
  });

  it('takes a name that looks like an option for a name', async () => {
    const cwd = join(corpus.root, 'names');
    for (const name of ['-rf.jpg', '--json.jpg', '--help']) {
      const { exit, results } = await home.json<SearchJson>(['search', '--k', '1', '--include-self'], { cwd });
      expect(exit, 'a search without a photo').toBe(2);
      expect(results).toBeUndefined();
      const found = await home.curate(['search', '--json', '--k', '3', '--include-self', '--', name], { cwd });
      expect((JSON.parse(found.stdout) as SearchJson).results.map(({ path }) => path)).toContain(join(cwd, name));
    }
  });

  it('draws contact sheets of them', async () => {
    const query = join(corpus.root, 'good.jpg');
    const page = join(home.path, 'sheet.html');
    const image = join(home.path, 'sheet.jpg');
    for (const sheet of [page, image]) {
      const drawn = await home.curate(['search', query, '--k', '60', '--sheet', sheet]);
      expect(drawn.stderr).not.toMatch(/error/i);
      expect(drawn.code).toBe(0);
      expect((await stat(sheet)).size).toBeGreaterThan(10_000);
    }
    const html = await readFile(page, 'utf8');
    expect(html).not.toMatch(/<img src=x|<script>alert/);
  });

  it('takes all of it back when the folder is emptied', async () => {
    await rm(join(corpus.root, 'names'), { recursive: true });
    const { libraries } = await home.json<IndexJson>(['index', corpus.root, '--prune']);
    const left = (await rows()).map(({ path }) => path);
    expect(left.filter((path) => path.includes('/names/'))).toEqual([]);
    expect(libraries[0]?.photos).toBe(left.length);
  });
});
