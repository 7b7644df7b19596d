import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Home, repository } from '../support/cli.ts';

const fixture = (name: string): string => join(repository, 'fixtures', name);
const arguments_ = [
  fixture('photos/crab.jpg'),
  fixture('broken/truncated.jpg'),
  fixture('photos/pets/chelsea.png'),
  'nowhere.jpg',
  fixture('photos/crab.jpg'),
];

interface Line {
  readonly path: string;
  readonly model?: { readonly id: string; readonly sha256: string };
  readonly dim?: number;
  readonly vector?: number[];
  readonly error?: { readonly code: string; readonly reason: string };
}

let home: Home;
let folder: string;
beforeAll(async () => {
  home = await Home.make();
  folder = await mkdtemp(join(tmpdir(), 'curate-embed-'));
});
afterAll(async () => {
  await home.remove();
  await rm(folder, { recursive: true, force: true });
});

describe('curate embed', () => {
  test('says which folder is missing where the file should go', async () => {
    const { code, stderr } = await home.curate(['embed', 'x.jpg', '--out', 'nowhere/v.npy']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/v\.npy cannot be written: the folder .*nowhere does not exist\./);
  });

  test('prints a line per photo in the order of the arguments, and exits with 3 when one cannot be read', async () => {
    const { code, stdout, stderr } = await home.curate(['embed', ...arguments_], { cwd: folder });
    expect(code).toBe(3);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    expect(lines.map(({ path }) => path)).toEqual(
      arguments_.map((path) => (path === 'nowhere.jpg' ? join(folder, path) : path)),
    );
    expect(lines[1]?.error).toEqual({ code: 'corrupt', reason: 'is cut short' });
    expect(lines[3]?.error).toEqual({ code: 'not_found', reason: 'does not exist' });
    for (const line of [lines[0], lines[2], lines[4]]) {
      expect(line).toMatchObject({ model: { id: 'resnet50' }, dim: 2048 });
      expect(line?.vector).toHaveLength(2048);
      expect(Math.hypot(...(line?.vector ?? []))).toBeCloseTo(1, 6);
    }
    expect(lines[4]?.vector).toEqual(lines[0]?.vector);
    expect(stderr).toContain('truncated.jpg is cut short');
  });

  test('ends quietly when its reader has read enough', async () => {
    const many = Array.from({ length: 60 }, () => fixture('photos/crab.jpg'));
    const { code, stderr } = await home.curate(['embed', ...many], {
      during: (child) => child.stdout?.once('data', () => child.stdout?.destroy()),
    });
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  test('writes a NumPy array, with a row of NaN for a photo that cannot be read', async () => {
    const out = join(folder, 'vectors.npy');
    const { code, stdout } = await home.curate(['embed', ...arguments_, '--out', 'vectors.npy', '--jobs', '1'], {
      cwd: folder,
    });
    expect(code).toBe(3);
    expect(stdout).toBe('');
    expect((await readdir(folder)).sort()).toEqual(['vectors.json', 'vectors.npy']);
    const bytes = await readFile(out);
    const start = 10 + bytes.readUInt16LE(8);
    expect(bytes.toString('latin1', 0, 8)).toBe('\x93NUMPY\x01\x00');
    expect(start % 64).toBe(0);
    expect(bytes.toString('latin1', 10, start)).toMatch(
      /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(5, 2048\), \} *\n$/,
    );
    expect(bytes).toHaveLength(start + 5 * 2048 * 4);
    const row = (n: number): number[] =>
      Array.from({ length: 2048 }, (_, i) => bytes.readFloatLE(start + (n * 2048 + i) * 4));
    expect(row(1).every(Number.isNaN)).toBe(true);
    expect(row(3).every(Number.isNaN)).toBe(true);
    expect(Math.hypot(...row(0))).toBeCloseTo(1, 6);
    expect(row(4)).toEqual(row(0));
    const about = JSON.parse(await readFile(join(folder, 'vectors.json'), 'utf8'));
    expect(about).toMatchObject({
      schema: 'curate.embed/1',
      dim: 2048,
      failed: [
        { row: 1, code: 'corrupt' },
        { row: 3, code: 'not_found' },
      ],
    });
    expect(about.paths).toEqual(arguments_.map((path) => (path === 'nowhere.jpg' ? join(folder, path) : path)));
  });

  test('does not write over what it did not write', async () => {
    await writeFile(join(folder, 'model.json'), '{"input": "a model of one\'s own"}');
    const { code, stderr } = await home.curate(['embed', arguments_[0] ?? '', '--out', 'model.npy'], { cwd: folder });
    expect(code).toBe(4);
    expect(stderr).toContain('model.json would be replaced');
    expect(await readdir(folder)).not.toContain('model.npy');
  });

  test('ends at once, with 130 and nothing half written, when it is interrupted', async () => {
    const many = Array.from({ length: 400 }, () => fixture('photos/crab.jpg'));
    const { code } = await home.curate(['embed', ...many, '--out', 'many.npy'], {
      cwd: folder,
      during: (child) => setTimeout(() => child.kill('SIGINT'), 1500),
    });
    expect(code).toBe(130);
    expect((await readdir(folder)).filter((name) => name.includes('many') || name.startsWith('.'))).toEqual([]);
  });
});
