import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sumCosts, totalOf } from '../../src/picture/lineage/ledger.ts';
import type { Lineage } from '../../src/picture/lineage/lineage.ts';
import { lineage, pictureOf } from './samples.ts';

/** What one request left behind: `n` pictures, each with its lineage. */
function request(started: string, n: number, actualUsd: number | null, model = 'gpt-image-2'): Lineage[] {
  const id = randomUUID();
  return Array.from({ length: n }, (_, i) =>
    lineage({
      model,
      request: { id, started, seconds: 1 },
      cost: { estimatedUsd: 0.01, actualUsd },
      picture: pictureOf(`${id} ${i}`, `${i}.png`),
    }),
  );
}

const requests = fc.array(
  fc
    .record({
      day: fc.integer({ min: 1, max: 28 }),
      n: fc.integer({ min: 1, max: 4 }),
      millionths: fc.option(fc.nat(999_999)),
      model: fc.constantFrom('gpt-image-2', 'gpt-image-2.6-flare'),
    })
    .map(({ day, n, millionths, model }) =>
      request(`2026-11-${String(day).padStart(2, '0')}T23:59:59.000Z`, n, millionths && millionths / 1e6, model),
    ),
  { maxLength: 12 },
);

describe('the ledger', () => {
  it('counts a request once, however many pictures it made, and a picture once, however many copies there are', () => {
    const made = request('2026-11-23T10:00:00.000Z', 3, 0.2);
    expect(sumCosts([...made, ...made])).toEqual([
      { day: '2026-11-23', model: 'gpt-image-2', pictures: 3, requests: 1, usd: 0.2, unknown: 0 },
    ]);
  });

  it('keeps what is unknown apart from what cost nothing', () => {
    const made = [...request('2026-11-23T10:00:00.000Z', 1, null), ...request('2026-11-23T11:00:00.000Z', 1, 0)];
    expect(sumCosts(made)).toMatchObject([{ requests: 2, usd: 0, unknown: 1 }]);
  });

  it('has one row a day and model, in order, and adds up to what was paid', () => {
    fc.assert(
      fc.property(requests, (made) => {
        const rows = sumCosts(made.flat());
        const keys = rows.map(({ day, model }) => `${day} ${model}`);
        expect(keys).toEqual([...new Set(keys)].sort());
        const total = totalOf(rows);
        expect(total.requests).toBe(made.length);
        expect(total.pictures).toBe(made.flat().length);
        expect(total.unknown).toBe(made.filter(([first]) => first?.cost.actualUsd === null).length);
        expect(total.usd).toBeCloseTo(
          made.reduce((sum, [first]) => sum + (first?.cost.actualUsd ?? 0), 0),
          6,
        );
      }),
    );
  });
});
