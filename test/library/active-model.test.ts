import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { activeModel, rememberModel } from '../../src/library/active-model.ts';

let data: string;
const file = (): string => join(data, 'active-model.json');
const at = (milvusUri?: string) => ({ milvusUri, paths: { data, config: data, cache: data } });

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'curate-model-'));
});
afterEach(() => rm(data, { recursive: true, force: true }));

describe('the model of an index', () => {
  it('is remembered by store, however its address is spelled', async () => {
    expect(await activeModel(at())).toBeNull();
    await rememberModel(at(), 'resnet50');
    await rememberModel(at('http://Milvus.lan:19530/'), 'other');
    expect(await activeModel(at())).toBe('resnet50');
    expect(await activeModel(at('milvus.lan'))).toBe('other');
    expect(await activeModel(at('https://milvus.lan'))).toBeNull();
  });

  it.skipIf(platform() === 'win32')('is nobody else’s business', async () => {
    await rememberModel(at(), 'resnet50');
    expect((await stat(file())).mode & 0o777).toBe(0o600);
  });

  it('is found where version 0.1.0 noted it by its URI, and the password there is forgotten at once', async () => {
    const old = { lite: 'resnet50', 'http://root:secret@milvus.lan': 'other', 'nas:19530': 'third' };
    await writeFile(file(), JSON.stringify(old));
    expect(await activeModel(at('http://milvus.lan:19530'))).toBe('other');
    const kept = await readFile(file(), 'utf8');
    expect(JSON.parse(kept)).toEqual({ lite: 'resnet50', 'milvus.lan:19530': 'other', 'nas:19530': 'third' });
    await rememberModel(at('nas'), 'fourth');
    expect(await activeModel(at('http://nas'))).toBe('fourth');
    expect(await activeModel(at())).toBe('resnet50');
  });

  it.skipIf(process.getuid?.() === 0 || platform() === 'win32')(
    'is not damaged where the note may not be read',
    async () => {
      await rememberModel(at(), 'resnet50');
      await chmod(file(), 0);
      await expect(activeModel(at())).rejects.toMatchObject({ code: 'data_unreadable' });
      await expect(rememberModel(at(), 'other')).rejects.toMatchObject({ code: 'data_unreadable' });
    },
  );

  it('is not guessed when the note is damaged, and naming it mends the note', async () => {
    await writeFile(file(), '{"lite": ');
    await expect(activeModel(at())).rejects.toMatchObject({ code: 'data_damaged' });
    await rememberModel(at(), 'resnet50');
    expect(await activeModel(at())).toBe('resnet50');
  });
});
