import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { RowWriter } from '../../src/library/index/batch.ts';
import type { PhotoRow } from '../../src/store/port.ts';
import { freshModel, photo } from '../store/samples.ts';
import { MemoryStore } from '../support/memory-store.ts';

const rows = Array.from({ length: 1000 }, (_, i) => photo(`${i}.jpg`));

/** A table that writes when it is told to. */
function slowTable() {
  const table = new MemoryStore().table(freshModel());
  const batches: (readonly PhotoRow[])[] = [];
  const pending: { resolve(): void; reject(error: unknown): void }[] = [];
  table.upsert = (batch) => {
    batches.push(batch);
    return new Promise((resolve, reject) => pending.push({ resolve, reject }));
  };
  return { table, batches, pending };
}

describe('the writer of rows', () => {
  it('writes full batches one at a time, and takes no more rows than one batch ahead', async () => {
    const { table, batches, pending } = slowTable();
    const writer = new RowWriter(table);
    let taken = 0;
    const adding = (async () => {
      for (const row of rows) {
        await writer.add(row);
        taken += 1;
      }
    })();
    await expect.poll(() => batches.length).toBe(1);
    await turn();
    expect(taken).toBe(399);
    pending.shift()?.resolve();
    await expect.poll(() => taken).toBe(599);
    expect(batches.map(({ length }) => length)).toEqual([200, 200]);
    const finished = adding.then(() => writer.finish());
    const answering = setInterval(() => pending.shift()?.resolve(), 1);
    await finished.finally(() => clearInterval(answering));
    expect(batches.flat()).toEqual(rows);
  });

  it('holds no more than that while the store stalls, however long', async () => {
    vi.useFakeTimers();
    try {
      const { table, batches } = slowTable();
      const writer = new RowWriter(table);
      let taken = 0;
      for (const row of rows) {
        void writer.add(row).then(() => {
          taken += 1;
        });
        await vi.advanceTimersByTimeAsync(100);
      }
      expect(batches).toHaveLength(1);
      expect(taken).toBe((batches[0]?.length ?? 0) + 199);
    } finally {
      vi.useRealTimers();
    }
  });

  it('writes what has waited for two seconds', async () => {
    vi.useFakeTimers();
    try {
      const { table, batches, pending } = slowTable();
      const writer = new RowWriter(table);
      await writer.add(rows[0] as PhotoRow);
      await vi.advanceTimersByTimeAsync(2_000);
      expect(batches).toEqual([[rows[0]]]);
      await writer.add(rows[1] as PhotoRow);
      await vi.advanceTimersByTimeAsync(10_000);
      pending.shift()?.resolve();
      await vi.advanceTimersByTimeAsync(2_000);
      expect(batches).toEqual([[rows[0]], [rows[1]]]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('tells of the first failure at once, and of the same one ever after', async () => {
    const { table, batches, pending } = slowTable();
    const writer = new RowWriter(table);
    const failure = writer.failure.catch((error: unknown) => error);
    for (const row of rows.slice(0, 200)) await writer.add(row);
    await expect.poll(() => batches.length).toBe(1);
    const broken = new Error('the disk is full');
    pending.shift()?.reject(broken);
    expect(await failure).toBe(broken);
    await expect(writer.finish()).rejects.toBe(broken);
    expect(batches).toHaveLength(1);
  });
});
