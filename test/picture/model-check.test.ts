import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { diagnose, isHealthy } from '../../src/library/diagnose.ts';
import { checkImageModel } from '../../src/picture/openai/model-check.ts';
import type { Settings } from '../../src/settings.ts';
import { FakeOpenAi } from '../fake-openai/server.ts';
import { HashEmbedder } from '../support/hash-embedder.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { testWorld } from '../support/world.ts';

let fake: FakeOpenAi;
beforeAll(async () => {
  fake = await FakeOpenAi.start();
});
beforeEach(() => {
  fake.next.length = 0;
  fake.models = [{ id: 'gpt-image-2', shutdown_date: null }];
});
afterAll(() => fake.close());

const check = async (overrides: Partial<Settings> = {}): Promise<string> => {
  const paths = { config: '', data: '', cache: '' };
  const settings = { openaiApiKey: fake.key, openaiBaseUrl: fake.baseUrl, noColor: true, paths, ...overrides };
  const world = testWorld({ now: () => new Date('2026-11-27T12:00:00Z') });
  const { detail, remedy } = await checkImageModel(world, settings as Settings);
  return remedy === null ? detail : `${detail}. WARN ${remedy}`;
};

describe('the check of the image model', () => {
  it('asks for nothing without a key', async () => {
    expect(await check({ openaiApiKey: undefined, openaiBaseUrl: 'http://127.0.0.1:9/v1' })).toMatch(/^no key set/);
  });

  it('says that the key is accepted', async () => {
    expect(await check()).toBe('the key is accepted; gpt-image-2');
  });

  it.each(['2027-03-01', '2027-03-01T00:00:00Z', 1_803_859_200])('warns of an end on %s', async (shutdown_date) => {
    fake.models = [{ id: 'gpt-image-2', shutdown_date }];
    expect(await check()).toMatch(/gpt-image-2 ends on 2027-03-01\. WARN Name another in CURATE_IMAGE_MODEL/);
  });

  it('warns by its own table where the server does not say', async () => {
    fake.models = [{ id: 'gpt-image-1.5' }];
    expect(await check({ imageModel: 'gpt-image-1.5' })).toMatch(/; gpt-image-1\.5\. WARN .*2026-12-01/);
  });

  it('fails for a model that has ended, or is not listed', async () => {
    fake.models = [{ id: 'gpt-image-2', shutdown_date: '2026-11-01' }];
    await expect(check()).rejects.toMatchObject({ code: 'model_gone', message: expect.stringContaining('2026-11-01') });
    fake.models = [{ id: 'gpt-4o' }];
    await expect(check()).rejects.toMatchObject({ code: 'model_gone' });
    await expect(check({ imageModel: 'gpt-image-1' })).rejects.toMatchObject({ code: 'model_gone' });
  });

  it('is a finding, with the next step, when the request fails', async () => {
    await expect(check({ openaiApiKey: 'sk-wrong' })).rejects.toMatchObject({
      code: 'wrong_key',
      hint: expect.any(String),
    });
    await expect(check({ openaiBaseUrl: 'http://127.0.0.1:9/v1' })).rejects.toMatchObject({ code: 'network' });
    fake.next.push({ kind: 'hang-up' });
    await expect(check()).rejects.toMatchObject({ code: 'network' });
    fake.next.push({ kind: 'html' });
    expect(await check()).toContain('does not list its models');
  });
});

it('makes the end of the model a warning of doctor, which is healthy all the same', async () => {
  const data = await mkdtemp(join(tmpdir(), 'curate-doctor-'));
  const settings = { openaiApiKey: fake.key, openaiBaseUrl: fake.baseUrl, noColor: true, paths: { data } } as Settings;
  fake.models = [{ id: 'gpt-image-2', shutdown_date: '2999-01-01' }];
  const embedder = new HashEmbedder();
  const findings = await diagnose(testWorld(), {
    settings,
    findModel: async () => embedder.model,
    openEmbedder: async () => embedder,
    openStore: async () => new MemoryStore(),
    checkImageModel: () => checkImageModel(testWorld(), settings),
  });
  await rm(data, { recursive: true });
  expect(findings.at(-1)).toMatchObject({
    part: 'Image model',
    ok: true,
    detail: 'the key is accepted; gpt-image-2 ends on 2999-01-01',
    remedy: expect.stringContaining('CURATE_IMAGE_MODEL'),
  });
  expect(isHealthy(findings)).toBe(true);
});
