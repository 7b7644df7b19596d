import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Home, repository, runHere } from '../support/cli.ts';

const photo = join(repository, 'fixtures/queries/cat.jpg');
const binary = join(repository, 'bin/curate.js');

let home: Home;
beforeAll(async () => {
  home = await Home.make();
});
afterAll(() => home.remove());

/** Runs a shell line in which `curate` is the built binary. */
function shell(line: string): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const script = `curate() { "${process.execPath}" "${binary}" "$@"; }\n${line}`;
  const env = { PATH: process.env.PATH ?? '', CURATE_HOME: home.path };
  return new Promise((resolve) => {
    execFile('sh', ['-c', script], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

const FULL = 'curate: The output cannot be written: no space is left on its disk.\n';

describe.skipIf(!existsSync('/dev/full'))('output that cannot be written', () => {
  test.each([
    '--help',
    '--version',
    'model list',
    'model list --json',
    `embed ${photo}`,
    `embed ${photo} nowhere.jpg ${photo}`,
  ])('fails "curate %s" in one line', async (args) => {
    const { code, stderr } = await shell(`curate ${args} > /dev/full`);
    expect(stderr.replace(/^curate: .*nowhere\.jpg does not exist\n/m, '')).toBe(FULL);
    expect(code).toBe(1);
  });

  test('does not hide what went wrong before', async () => {
    const { code, stderr } = await shell('curate bogus --json > /dev/full');
    expect(stderr).toContain("Unknown command 'bogus'.");
    expect(stderr.endsWith(FULL)).toBe(true);
    expect(code).toBe(2);
  });

  test('costs nothing but itself when it is standard error', async () => {
    const { code, stdout } = await shell(`curate embed ${photo} nowhere.jpg 2> /dev/full`);
    expect(stdout.trim().split('\n')).toHaveLength(2);
    expect(code).toBe(3);
  });
});

test('a reader that has seen enough is no failure', async () => {
  for (const args of ['--help', `embed ${photo} ${photo}`]) {
    const { stderr } = await shell(`{ curate ${args}; echo "code $?" >&2; } | true`);
    expect(stderr).toBe('code 0\n');
  }
});

test('show says of a photo that it cannot draw why, and ends as where photos could not be read', async () => {
  const env = { CURATE_HOME: home.path };
  const { code, stderr } = await runHere(['show', join(repository, 'README.md'), photo], { env });
  expect(code).toBe(3);
  expect(stderr).toMatch(/README\.md is no .*\.\n$|README\.md is not .*\.\n$/);
});
