import { mkdir, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { optimizedGraph } from '../../src/embedding/graph-cache.ts';
import { markAsOurs } from '../../src/files/atomic-write.ts';

describe('the cache of optimised graphs', () => {
  let cacheDir: string;
  beforeEach(async () => {
    cacheDir = await mkdtemp(join(tmpdir(), 'curate-graphs-'));
  });
  afterEach(() => rm(cacheDir, { recursive: true }));

  /** As ONNX Runtime writes them. */
  const write = async ({ optimizedModelFilePath: graph = '' }): Promise<void> => {
    await writeFile(graph, 'graph');
    await writeFile(join(graph, '..', 'weights.bin'), 'weights');
  };
  const make = (runtime: string): Promise<string | null> =>
    optimizedGraph({ sha256: 'a'.repeat(64), runtime, cacheDir }, write);

  async function draft(name: string): Promise<string> {
    await mkdir(join(cacheDir, name));
    await writeFile(join(cacheDir, name, 'weights.bin'), 'half of it');
    return join(cacheDir, name, 'making');
  }

  it('removes at once what a kill left of a graph, and not what another process makes meanwhile', async () => {
    await writeFile(await draft('draft-killed'), '');
    const mark = await draft('draft-being-made');
    const handle = await open(mark, 'wx');
    try {
      expect(await markAsOurs(handle, mark)).toBe(true);
      const graph = await make('1.0.0');
      expect((await readdir(cacheDir)).sort()).toEqual([
        expect.stringMatching(/^a{16}-.*-1\.0\.0$/),
        'draft-being-made',
      ]);
      expect((await readdir(join(graph ?? '', '..'))).sort()).toEqual(['graph.onnx', 'sizes.json', 'weights.bin']);
    } finally {
      await handle.close();
    }
  });

  it('keeps a new draft that has no mark yet, and makes each graph once', async () => {
    await draft('draft-just-begun');
    const graph = await make('1.0.0');
    const again = await optimizedGraph({ sha256: 'a'.repeat(64), runtime: '1.0.0', cacheDir }, () => {
      throw new Error('made twice');
    });
    expect(again).toBe(graph);
    expect(await readdir(cacheDir)).toContain('draft-just-begun');
  });
});
