import { describe, expect, it } from 'vitest';
import { findPython } from '../../src/store/lite/python.ts';
import { binFolder } from '../support/fake-python.ts';
import { testWorld } from '../support/world.ts';

async function find(scripts: Record<string, string>) {
  return findPython(testWorld({ env: { PATH: await binFolder(scripts) } }));
}

describe('finding Python', () => {
  it('takes python3 where it is recent enough', async () => {
    expect(await find({ python3: 'echo Python 3.12.4', 'python3.13': 'echo Python 3.13.1' })).toEqual({
      command: 'python3',
      version: '3.12.4',
    });
  });

  it('prefers the newest named version over a python3 that is too old or broken', async () => {
    const named = { 'python3.10': 'echo Python 3.10.2', 'python3.12': 'echo Python 3.12.4' };
    for (const python3 of ['echo Python 3.9.18', 'exit 127', 'echo Python 3.99.0']) {
      expect((await find({ python3, ...named })).command).toBe('python3.12');
    }
  });

  it('names both remedies when there is none', async () => {
    await expect(find({})).rejects.toMatchObject({
      code: 'python_missing',
      message: expect.stringContaining('3.10'),
      hint: expect.stringMatching(/Install Python 3\.10.*MILVUS_URI/),
    });
  });

  it('is done with once it knows, without a time limit that a process would stay for', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    await expect(find({})).rejects.toThrow();
    await find({ python3: 'echo Python 3.12.4' });
    expect(timers()).toBe(before);
  });

  it('names the version that was found, and both remedies, when it is too old', async () => {
    await expect(find({ python3: 'echo Python 3.8.18' })).rejects.toMatchObject({
      code: 'python_version',
      message: expect.stringMatching(/python3 is Python 3\.8\.18, which is too old/),
      hint: expect.stringMatching(/Install Python 3\.10.*MILVUS_URI/),
    });
  });
});
