import { spawnSync } from 'node:child_process';
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

  it('does not keep a process that has looked in vain', () => {
    const script = `
      const { findPython } = await import('./dist/store/lite/python.js');
      const { realWorld } = await import('./dist/world.js');
      await findPython(realWorld()).catch(({ code }) => console.log(code));
    `;
    const options = { env: { PATH: '/nowhere' }, timeout: 15_000, killSignal: 'SIGKILL', encoding: 'utf8' } as const;
    // Node's own limit for a program is 20 seconds there.
    const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], options);
    expect({ stdout, status }).toEqual({ stdout: 'python_missing\n', status: 0 });
  });

  it('names the version that was found, and both remedies, when it is too old', async () => {
    await expect(find({ python3: 'echo Python 3.8.18' })).rejects.toMatchObject({
      code: 'python_version',
      message: expect.stringMatching(/python3 is Python 3\.8\.18, which is too old/),
      hint: expect.stringMatching(/Install Python 3\.10.*MILVUS_URI/),
    });
  });
});
