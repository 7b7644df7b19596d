import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { unlessInterrupted } from '../src/interrupt.ts';

describe('work that may be interrupted', () => {
  const never = new Promise<never>(() => undefined);

  it('ends at the abort, or at once when that has come before', async () => {
    const controller = new AbortController();
    const work = unlessInterrupted(controller.signal, never);
    controller.abort();
    await expect(work).rejects.toMatchObject({ kind: 'interrupted' });
    await expect(unlessInterrupted(controller.signal, never)).rejects.toMatchObject({ kind: 'interrupted' });
  });

  it('has its own outcome otherwise, and leaves nothing at a signal that lives on', async () => {
    const { signal } = new AbortController();
    expect(await unlessInterrupted(signal, Promise.resolve(3))).toBe(3);
    await expect(unlessInterrupted(signal, Promise.reject(new Error('own')))).rejects.toThrow('own');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
