import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accelerators, probe } from '../../src/embedding/device.ts';
import { openOnDevice, openSession } from '../../src/embedding/inference.ts';
import { resolveModel } from '../../src/embedding/models.ts';
import { cosine, toUnitLength } from '../../src/embedding/vector.ts';
import { loadSettings } from '../../src/settings.ts';
import { testWorld } from '../support/world.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'curate-device-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

describe('the device a model runs on', () => {
  it('is the processor unless another is asked for, and then what the platform has', () => {
    expect(accelerators('cpu', 'darwin')).toEqual([]);
    expect(accelerators('auto', 'darwin')).toEqual(['coreml']);
    expect(accelerators('auto', 'win32')).toEqual(['dml']);
    expect(accelerators('auto', 'linux')).toEqual(['cuda']);
    expect(accelerators('cuda', 'darwin')).toEqual(['cuda']);
  });

  it('falls back to the processor, says why, and gives the same vector', async () => {
    const world = testWorld();
    const model = await resolveModel(world, loadSettings(testWorld({ env: { CURATE_HOME: home } })), 'resnet50-int8');
    // The repository's .npmrc keeps CUDA's libraries from being installed, and no platform but Windows has DirectML.
    const { infer, fallback } = await openOnDevice(model, home, 'cuda', 'linux');
    expect(fallback).toMatch(/cuda/);
    expect(
      (await openOnDevice(model, home, process.platform === 'win32' ? 'coreml' : 'dml', 'linux')).fallback,
    ).toMatch(/^ONNX Runtime has no (dml|coreml) on this platform$/);
    const plain = await openSession(model, home);
    const input = probe(model.input.size);
    expect(cosine(toUnitLength(await infer(input.slice())), toUnitLength(await plain(input)))).toBeCloseTo(1, 6);
  });
});
