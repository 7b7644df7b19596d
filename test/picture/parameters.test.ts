import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { chooseModel, type ImageModelTable, readImageModels } from '../../src/picture/image-models/image-models.ts';
import {
  apiParameters,
  checkParameters,
  inherited,
  parametersBefore,
  parametersOf,
} from '../../src/picture/image-models/parameters.ts';
import type { Parameters } from '../../src/picture/port.ts';
import { lineage } from './samples.ts';

const table: ImageModelTable = await readImageModels();

function entryOf(id: string) {
  return chooseModel(table, id, new Date('2026-11-27')).entry;
}

function parameters(overrides: Partial<Parameters> = {}): Parameters {
  const usual = { size: '1024x1024', quality: 'medium', complexity: null, n: 1, format: 'png' } as const;
  return { ...usual, background: null, partialImages: null, ...overrides };
}

function refusal(id: string, overrides: Partial<Parameters>): string | null {
  try {
    checkParameters(id, entryOf(id), parameters(overrides));
    return null;
  } catch (error) {
    if (error instanceof UserError && error.kind === 'usage') return error.message;
    throw error;
  }
}

describe('what an image model is asked for', () => {
  it.each([
    ['gpt-image-2', { quality: 'xhigh' }, 'gpt-image-2 has no quality xhigh.'],
    ['gpt-image-2', { quality: 'max' }, 'gpt-image-2 has no quality max.'],
    ['gpt-image-2', { complexity: 'low' }, 'gpt-image-2 has no complexity.'],
    ['gpt-image-2', { background: 'transparent' }, 'gpt-image-2 does not make transparent backgrounds.'],
    ['gpt-image-2.5-flare', { complexity: 'high' }, 'gpt-image-2.5-flare has no complexity.'],
    ['gpt-image-2.6-sunburst', { size: '1000x1000' }, 'gpt-image-2.6-sunburst does not make 1000x1000.'],
    ['gpt-image-2.6-flare', { background: 'transparent', format: 'jpeg' }, 'JPEG has no transparency.'],
  ] as const)('%s is not asked for %j, which it lacks', (id, overrides, message) => {
    expect(refusal(id, overrides)).toBe(message);
  });

  it.each([
    ['gpt-image-2', { quality: 'auto', background: 'opaque' }],
    ['gpt-image-2.5-sunburst', { quality: 'max' }],
    ['gpt-image-2.6-sunburst', { quality: 'xhigh', complexity: 'low' }],
    ['gpt-image-2.6-flare', { background: 'transparent', format: 'webp' }],
  ] as const)('%s may be asked for %j', (id, overrides) => {
    expect(refusal(id, overrides)).toBeNull();
  });

  it('asks a model that the table does not know for anything but a transparent JPEG', () => {
    expect(() => checkParameters('new-one', null, parameters({ quality: 'max', size: '10x10' }))).not.toThrow();
    const transparent = parameters({ background: 'transparent', format: 'jpeg' });
    expect(() => checkParameters('new-one', null, transparent)).toThrow('JPEG has no transparency.');
  });

  it('names parameters as the API does, and leaves out what is left to the model', () => {
    expect(apiParameters(parameters())).toEqual({ size: '1024x1024', quality: 'medium', n: 1, output_format: 'png' });
    expect(apiParameters(parameters({ complexity: 'low', background: 'opaque', partialImages: 2 }))).toMatchObject({
      complexity: 'low',
      background: 'opaque',
      stream: true,
      partial_images: 2,
    });
  });

  it('hands down to another model only what that one has', () => {
    const before = { size: '1024x1536', quality: 'max', complexity: 'low', background: 'opaque' } as const;
    expect(inherited(before, entryOf('gpt-image-2'), 'png')).toEqual({ size: '1024x1536', background: 'opaque' });
    expect(inherited(before, entryOf('gpt-image-2.6-flare'), 'png')).toEqual(before);
    expect(inherited({ ...before, complexity: null }, null, 'png')).toEqual({
      size: '1024x1536',
      quality: 'max',
      background: 'opaque',
    });
  });
});

describe('what is asked for', () => {
  const model = { id: 'gpt-image-2', entry: entryOf('gpt-image-2'), notice: null };

  it('counts for more than the picture before, and that for more than the defaults', () => {
    const before = { size: '1536x1024', quality: 'high', background: 'opaque' } as const;
    const wanted = { format: 'webp', quality: 'low', size: undefined, stream: true } as const;
    expect(parametersOf(wanted, model, before)).toEqual({
      size: '1536x1024',
      quality: 'low',
      complexity: null,
      n: 1,
      format: 'webp',
      background: 'opaque',
      partialImages: 2,
    });
    expect(parametersOf({ format: 'png' }, model)).toMatchObject({ size: '1024x1024', quality: 'medium', n: 1 });
  });

  it('leaves a transparent background behind where the model or the format has none', () => {
    const before = { background: 'transparent' } as const;
    const flare = { id: 'gpt-image-2.6-flare', entry: entryOf('gpt-image-2.6-flare'), notice: null };
    expect(parametersOf({ format: 'png' }, flare, before).background).toBe('transparent');
    expect(parametersOf({ format: 'jpeg' }, flare, before).background).toBeNull();
    expect(parametersOf({ format: 'png' }, model, before).background).toBeNull();
  });

  it('is refused when the model does not do it', () => {
    expect(() => parametersOf({ format: 'png', size: '1000x1000' }, model)).toThrow('does not make 1000x1000');
  });

  it('comes back from a lineage file as it was sent', () => {
    const sent = parametersOf({ format: 'webp', background: 'opaque', n: 2, stream: true }, model);
    expect(parametersBefore(lineage({ parameters: apiParameters(sent) }))).toEqual(sent);
  });
});
