import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isLocked, withLock } from '../src/files/lock.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-lock-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('says whether a lock is held, and makes no file to find out', async () => {
  const file = join(folder, 'index.lock');
  expect(await isLocked(file)).toBe(false);
  await withLock(file, 4321, {}, async () => {
    expect(await isLocked(file)).toBe(true);
  });
  expect(await isLocked(file)).toBe(false);
});

it('lets one in after the other, and tells the second whom it waits for', async () => {
  const file = join(folder, 'index.lock');
  const order: string[] = [];
  let second: Promise<void> = Promise.resolve();
  await withLock(file, 4321, {}, async () => {
    const told = new Promise<void>((resolve) => {
      const onWait = (holder: number | null): void => {
        order.push(`waits for ${holder}`);
        resolve();
      };
      second = withLock(file, 1234, { onWait }, async () => void order.push('second'));
    });
    await told;
    order.push('first');
  });
  await second;
  expect(order).toEqual(['waits for 4321', 'first', 'second']);
});
