import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'));
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly hasInstallScript?: boolean; readonly dev?: boolean }>>;
}

it('npm gives the manual page to man: it does so for a list alone', async () => {
  const { man } = (await readJson('package.json')) as { man: unknown };
  expect(man).toEqual(['./dist/packed/curate.1']);
});

describe('the lock file', () => {
  // npm looks for install scripts where the lock file says so alone. That of onnxruntime-node downloads 300 MB.
  it('names no install script but our own', async () => {
    const { packages } = (await readJson('package-lock.json')) as Lock;
    expect(Object.keys(packages).filter((path) => packages[path]?.hasInstallScript === true && path !== '')).toEqual(
      [],
    );
  });

  // Whoever installs the packed program has neither the lock file nor the overrides.
  it('has for development alone what is overridden', async () => {
    const { packages } = (await readJson('package-lock.json')) as Lock;
    const { overrides } = (await readJson('package.json')) as { overrides: Record<string, string> };
    for (const name of Object.keys(overrides)) expect(packages[`node_modules/${name}`]).toMatchObject({ dev: true });
  });
});
