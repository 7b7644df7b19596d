import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { fitBudget } from '../../src/picture/cost/budget.ts';
import { actualCost, type EstimateRequest, estimate, imageTokens } from '../../src/picture/cost/cost.ts';
import { chooseModel, type ImageModelTable, readImageModels } from '../../src/picture/image-models/image-models.ts';
import { sizeFault } from '../../src/picture/image-models/size.ts';
import type { Quality } from '../../src/picture/port.ts';

let table: ImageModelTable;
beforeAll(async () => {
  table = await readImageModels();
});

const on = (date: string): Date => new Date(`${date}T12:00:00Z`);

function request(overrides: Partial<EstimateRequest> = {}): EstimateRequest {
  const { entry } = chooseModel(table, undefined, on('2026-11-23'));
  return {
    model: entry,
    text: 'a comic',
    references: Array.from({ length: 6 }, () => 1536),
    size: '1024x1024',
    quality: 'medium',
    n: 1,
    partialImages: 0,
    ...overrides,
  };
}

describe('estimate', () => {
  it.each([
    ['1024x1024', 'low', 0.006],
    ['1024x1024', 'medium', 0.053],
    ['1024x1024', 'high', 0.211],
    ['1024x1536', 'low', 0.005],
    ['1024x1536', 'medium', 0.041],
    ['1536x1024', 'high', 0.165],
  ] as const)('agrees with the published price of a picture of %s, %s', (size, quality, usd) => {
    expect(estimate(request({ size, quality, references: [], text: '' })).usd).toBeCloseTo(usd, 3);
  });

  it('is the sum of what each part takes at its price', () => {
    const price = fc.integer({ min: 1, max: 50 });
    const asked = fc.record({
      text: fc.string({ unit: 'grapheme', maxLength: 60 }),
      references: fc.array(fc.nat(1536), { maxLength: 4 }),
      n: fc.integer({ min: 1, max: 9 }),
      partialImages: fc.nat(3),
      rememberedTokens: fc.nat(5000),
    });
    const prices = fc.record({ textIn: price, imageIn: price, imageOut: price });
    const conversation = fc.option(fc.record({ textIn: price, textOut: price }));
    fc.assert(
      fc.property(asked, prices, conversation, fc.boolean(), (parts, usdPerMillion, talk, isListed) => {
        const { entry } = chooseModel(table, undefined, on('2026-11-23'));
        if (entry === null) throw new Error('the default is in the table');
        const model = { ...entry, usdPerMillion, outputTokens: isListed ? entry.outputTokens : null };
        const tokens = estimate(
          request({
            ...parts,
            model,
            conversation: talk === null ? null : { id: 'leader', prices: talk },
            seenTokens: () => 777,
          }),
        );
        const text = Math.ceil(Buffer.from(parts.text).length / 4);
        const images = parts.references.reduce((sum, each) => sum + each, 0) + parts.rememberedTokens;
        // 1,756 are published for a square of medium quality, and 100 for each partial picture.
        const outputs = parts.n * (isListed ? 1756 + 100 * parts.partialImages : 777);
        const around = talk === null ? 0 : (text + images) * talk.textIn + 1000 * talk.textOut;
        const { textIn, imageIn, imageOut } = usdPerMillion;
        const usd = (text * textIn + images * imageIn + outputs * imageOut + around) / 1e6;
        expect(tokens).toMatchObject({ textTokens: text, imageTokens: images, outputTokens: outputs, unknown: null });
        expect(tokens.usd).toBeCloseTo(usd, 6);
        expect(tokens.fromReplies).toBe(isListed ? undefined : true);
      }),
    );
  });

  it('counts six references at about seven cents', () => {
    const { usd } = estimate(request());
    const without = estimate(request({ references: [] })).usd;
    expect((usd ?? 0) - (without ?? 0)).toBeCloseTo(0.0737, 4);
  });

  it('says unknown, and why, where the table has no answer', () => {
    expect(estimate(request({ size: 'auto' }))).toMatchObject({ usd: null, unknown: 'the size is left to the model' });
    expect(estimate(request({ quality: 'auto' })).usd).toBeNull();
    expect(estimate(request({ model: null })).unknown).toContain('not in the price table');
    const talk = estimate(request({ conversation: { id: 'leader', prices: null } }));
    expect(talk).toMatchObject({ usd: null, unknown: 'the price table has no prices for leader' });
    const flare = chooseModel(table, 'gpt-image-2.6-flare', on('2026-11-23')).entry;
    expect(estimate(request({ model: flare })).unknown).toContain('not published');
  });

  it('grows with every reference, picture and step of quality', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1536), { maxLength: 15 }), fc.integer({ min: 1, max: 9 }), (references, n) => {
        const usd = (overrides: Partial<EstimateRequest>): number =>
          estimate(request({ references, n, ...overrides })).usd ?? Number.NaN;
        expect(usd({ references: [...references, 100] })).toBeGreaterThan(usd({}));
        expect(usd({ n: n + 1 })).toBeGreaterThan(usd({}));
        expect(usd({ quality: 'high' })).toBeGreaterThan(usd({}));
        expect(usd({ quality: 'low' })).toBeLessThan(usd({}));
      }),
    );
  });
});

describe('imageTokens', () => {
  it.each([
    [1024, 1024, 1024],
    [1536, 1024, 1536],
    [1536, 1536, 1536],
    [33, 1, 2],
  ])('of %i x %i is %i', (width, height, tokens) => expect(imageTokens(width, height)).toBe(tokens));
});

describe('actualCost', () => {
  const usage = {
    input_tokens: 1100,
    output_tokens: 1756,
    input_tokens_details: { text_tokens: 100, image_tokens: 1000 },
  };

  it('prices the usage of a reply', () => {
    const { entry: model } = chooseModel(table, undefined, on('2026-11-23'));
    expect(actualCost(usage, { model, conversation: null })).toBeCloseTo((500 + 8000 + 52_680) / 1e6, 6);
  });

  it('adds what the conversation itself cost', () => {
    const { entry: model } = chooseModel(table, undefined, on('2026-11-23'));
    const talk = { input_tokens: 1000, output_tokens: 500, tool_usage: { image_gen: usage } };
    const conversation = { textIn: 1, textOut: 2 };
    expect(actualCost(talk, { model, conversation })).toBeCloseTo((2000 + 61_180) / 1e6, 6);
    expect(actualCost({ input_tokens: 1000, output_tokens: 500 }, { model, conversation })).toBeNull();
  });

  it('is unknown without usage or prices', () => {
    const { entry: model } = chooseModel(table, undefined, on('2026-11-23'));
    expect(actualCost(null, { model, conversation: null })).toBeNull();
    expect(actualCost({ ...usage, output_tokens: -5 }, { model, conversation: null })).toBeNull();
    expect(actualCost(usage, { model: null, conversation: null })).toBeNull();
  });
});

describe('fitBudget', () => {
  it('never goes above the budget, gives up references before quality, and says what it gave up', () => {
    const quality = fc.constantFrom<Quality>('low', 'medium', 'high', 'auto');
    const references = fc.array(fc.integer({ min: 1, max: 1536 }), { minLength: 1, maxLength: 16 });
    fc.assert(
      fc.property(references, quality, fc.double({ min: 0, max: 0.5, noNaN: true }), (tokens, wanted, max) => {
        const whole = request({ references: tokens, quality: wanted });
        const fitted = fitBudget(whole, max);
        if ('reason' in fitted) {
          const least = request({ references: tokens.slice(0, 1), quality: 'low' });
          expect(estimate(least).usd).toBeGreaterThan(max);
          return;
        }
        expect(fitted.estimate.usd).toBeLessThanOrEqual(max);
        expect(fitted.references).toBeGreaterThanOrEqual(1);
        const nothing = fitted.references === tokens.length && fitted.quality === wanted;
        expect(fitted.dropped.length === 0).toBe(nothing);
        if (fitted.quality !== wanted && wanted !== 'auto') {
          const one = estimate({ ...whole, references: tokens.slice(0, 1) });
          expect(one.usd).toBeGreaterThan(max);
        }
        if (fitted.references < tokens.length) {
          const more = { ...whole, quality: fitted.quality, references: tokens.slice(0, fitted.references + 1) };
          expect(estimate(more).usd).toBeGreaterThan(max);
        }
      }),
    );
  });

  it('takes the first that fits: as it is, with fewer references, then at each lower quality with as many as then fit', () => {
    const references = fc.array(fc.integer({ min: 1, max: 1536 }), { maxLength: 6 });
    const thousandths = fc.integer({ min: 0, max: 300 });
    const quality = fc.constantFrom<Quality>('low', 'medium', 'high', 'auto');
    const LOWER = { low: [], medium: ['low'], high: ['medium', 'low'], auto: ['medium', 'low'] } as const;
    fc.assert(
      fc.property(references, quality, thousandths, fc.boolean(), fc.boolean(), (tokens, wanted, n, isExact, rigid) => {
        const whole = request({ references: tokens, quality: wanted });
        const qualities: Quality[] = rigid ? [wanted] : [wanted, ...(LOWER[wanted as keyof typeof LOWER] ?? [])];
        const counts = tokens.map((_, i) => tokens.length - i).filter((count) => !rigid || count === tokens.length);
        const ways = qualities.flatMap((one) =>
          (tokens.length === 0 ? [0] : counts).map((count) => {
            const { usd } = estimate({ ...whole, quality: one, references: tokens.slice(0, count) });
            return { quality: one, references: count, usd };
          }),
        );
        // Often to the very millionth what one of the ways costs.
        const max = (isExact ? ways[n % ways.length]?.usd : null) ?? n / 1000;
        const said = ({ quality: one, references: count }: (typeof ways)[number]): string[] => [
          ...(count === tokens.length ? [] : [`${tokens.length - count} of ${tokens.length} references`]),
          ...(one === wanted ? [] : [`quality from ${wanted} to ${one}`]),
        ];
        const first = ways.find(({ usd }) => usd !== null && usd <= max);
        const fitted = fitBudget(whole, max, rigid);
        if (first === undefined) {
          const last = ways.at(-1);
          expect(fitted).toMatchObject({ known: last?.usd !== null, tried: last === undefined ? [] : said(last) });
        } else {
          expect(fitted).toMatchObject({ quality: first.quality, references: first.references, dropped: said(first) });
          expect('estimate' in fitted && fitted.estimate.usd).toBe(first.usd);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('refuses an unknown cost', () => {
    expect(fitBudget(request({ size: 'auto' }), 100)).toMatchObject({
      known: false,
      reason: expect.stringContaining('not known'),
    });
  });
});

describe('chooseModel', () => {
  it('takes the default of the table', () => {
    expect(chooseModel(table, undefined, on('2026-11-23'))).toMatchObject({ id: 'gpt-image-2', notice: null });
  });

  it('refuses a model that has ended, with the name of a successor that lives', () => {
    expect(() => chooseModel(table, 'gpt-image-1', on('2026-11-23'))).toThrow(
      expect.objectContaining({ code: 'model_gone', hint: expect.stringContaining('gpt-image-2') }),
    );
    expect(() => chooseModel(table, 'gpt-image-1.5', on('2026-12-01'))).toThrow(/ended on 2026-12-01/);
  });

  it('counts one that the person named as asked for wrongly, and one of a picture that was made as a failure', () => {
    for (const id of ['gpt-image-1', 'gpt-4o']) {
      const chosen = (named: boolean) => () => chooseModel(table, id, on('2026-11-23'), named);
      expect(chosen(true)).toThrow(expect.objectContaining({ kind: 'usage' }));
      expect(chosen(false)).toThrow(expect.objectContaining({ kind: 'failed' }));
    }
  });

  it('warns of an end to come', () => {
    const { notice } = chooseModel(table, 'gpt-image-1.5', on('2026-11-30'));
    expect(notice).toBe('The model gpt-image-1.5 ends on 2026-12-01; its successor is gpt-image-2.6-sunburst.');
  });

  it('says that GPT-4o image generation means the gpt-image family', () => {
    expect(() => chooseModel(table, 'gpt-4o', on('2026-11-23'))).toThrow(
      expect.objectContaining({ code: 'not_an_image_model', hint: 'Use --image-model gpt-image-2.' }),
    );
  });

  it('lets a model through that it does not know', () => {
    expect(chooseModel(table, 'my-own-model', on('2026-11-23'))).toMatchObject({ entry: null });
  });
});

describe('sizeFault', () => {
  it.each([
    ['1024x1024', null],
    ['3840x2160', null],
    ['auto', null],
    ['1024x1000', 'multiples of 16'],
    ['4096x1024', 'longer than 3840'],
    ['3072x512', 'at most 3 times'],
    ['512x512', '262,144 pixels'],
    ['3840x3840', 'pixels'],
    ['big', 'WIDTHxHEIGHT'],
  ])('of %s', (size, fault) => {
    const rule = chooseModel(table, 'gpt-image-2', on('2026-11-23')).entry?.size;
    if (rule === undefined) throw new Error('gpt-image-2 is not in the table');
    if (fault === null) expect(sizeFault(size, rule)).toBeNull();
    else expect(sizeFault(size, rule)).toContain(fault);
  });

  it('proposes a size that is itself right', () => {
    const rule = chooseModel(table, 'gpt-image-2', on('2026-11-23')).entry?.size;
    if (rule === undefined) throw new Error('gpt-image-2 is not in the table');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99_999 }), fc.integer({ min: 1, max: 99_999 }), (width, height) => {
        const fault = sizeFault(`${width}x${height}`, rule);
        const proposed = /(\d+x\d+) is the nearest/.exec(fault ?? '')?.[1];
        if (proposed !== undefined) expect(sizeFault(proposed, rule)).toBeNull();
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 820, max: 2000 }), fc.integer({ min: 820, max: 2000 }), (width, height) => {
        const fault = sizeFault(`${width}x${height}`, rule);
        if (fault !== null) expect(fault).toMatch(/: \d+x\d+ is the nearest/);
      }),
    );
  });
});
