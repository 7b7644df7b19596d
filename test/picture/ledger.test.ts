import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli.ts';
import { sumCosts, totalOf } from '../../src/picture/lineage/ledger.ts';
import type { FailedRequest, Lineage } from '../../src/picture/lineage/lineage.ts';
import { testWorld } from '../support/world.ts';
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

/** The record of a request that brought no picture. */
function failedAt(started: string, id: string): FailedRequest {
  const { usage: _, responseIds: __, picture: ___, ...common } = lineage({ requestIds: [id] });
  return {
    ...common,
    request: { id: randomUUID(), started, seconds: 600 },
    schema: 'curate.failed/1',
    error: { code: 'timeout', message: 'No picture came within 600 s.' },
    billing: 'may have been billed',
    cost: { estimatedUsd: 0.053, actualUsd: null },
    arrived: [],
  };
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
      { day: '2026-11-23', model: 'gpt-image-2', pictures: 3, requests: 1, usd: 0.2, unknown: 0, doubtful: 0 },
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

describe('curate costs', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'curate-costs-'));
    const [first, second] = request('2026-11-23T10:00:00.000Z', 2, 0.2);
    const doubtful = { estimatedUsd: 0.1, actualUsd: 0.3, doubtful: true as const };
    const [unknown] = request('2026-11-24T10:00:00.000Z', 1, null);
    const failed = failedAt('2026-11-23T10:00:00.000Z', 'req_9');
    const files = {
      '1.png.json': first,
      '2.png.json': second,
      '3.png.json': lineage({
        cost: doubtful,
        request: { id: randomUUID(), started: '2026-11-23T11:00:00Z', seconds: 1 },
      }),
      '4.png.json': unknown,
      'a.failed.json': failed,
      'later.png.json': { ...lineage(), schema: 'curate.lineage/2' },
      'holiday.json': { of: 'another program' },
    };
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), JSON.stringify(content));
    await writeFile(join(folder, 'cut.png.json'), JSON.stringify(lineage()).slice(0, 300));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('sums what is known, and names what is doubtful, unknown, failed or cannot be read', async () => {
    const world = testWorld({ cwd: folder });
    expect(await run(['costs'], world)).toBe(3);
    expect(world.out().trimEnd().split('\n').slice(1)).toEqual([
      '2026-11-23  gpt-image-2         3         2  $0.500  1 request perhaps counted too high',
      '2026-11-24  gpt-image-2         1         1  $0.000  and 1 request of unknown cost',
      'Total                           4         3  $0.500  and 1 request of unknown cost; 1 request perhaps counted too high',
    ]);
    expect(world.err().trimEnd().split('\n')).toEqual([
      `Left out ${join(folder, 'cut.png.json')}: it is damaged, or of another version.`,
      `Left out ${join(folder, 'later.png.json')}: it is damaged, or of another version.`,
      '1 request without a picture, which may have been billed:',
      `  2026-11-23 10:00 UTC, gpt-image-2, about $0.053: No picture came within 600 s. (req_9; ${join(folder, 'a.failed.json')})`,
    ]);
  });

  it('says the same as a document', async () => {
    const world = testWorld({ cwd: folder });
    expect(await run(['costs', '--json'], world)).toBe(3);
    expect(JSON.parse(world.out())).toMatchObject({
      schema: 'curate.costs/1',
      total: { pictures: 4, requests: 3, usd: 0.5, unknown: 1, doubtful: 1 },
      failed: [{ file: join(folder, 'a.failed.json'), requestIds: ['req_9'], billing: 'may have been billed' }],
      unreadable: [{ path: join(folder, 'cut.png.json') }, { path: join(folder, 'later.png.json') }],
    });
  });

  it('lists requests without a picture as they were sent, whatever their names', async () => {
    const days = [24, 22, 23];
    const inside = await mkdtemp(join(tmpdir(), 'curate-costs-'));
    for (const [i, day] of days.entries()) {
      const record = failedAt(`2026-11-${day}T10:00:00.000Z`, `req_${day}`);
      await writeFile(join(inside, `${i}.failed.json`), JSON.stringify(record));
    }
    const world = testWorld({ cwd: inside });
    expect(await run(['costs', '--json'], world)).toBe(0);
    const { failed } = JSON.parse(world.out()) as { readonly failed: readonly { readonly requestIds: string[] }[] };
    expect(failed.map(({ requestIds }) => requestIds[0])).toEqual(['req_22', 'req_23', 'req_24']);
    await rm(inside, { recursive: true });
  });
});
