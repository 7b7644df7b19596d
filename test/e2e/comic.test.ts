import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/files/hash.ts';
import type { Part } from '../fake-openai/edits.ts';
import { repository } from '../support/cli.ts';
import { cat, copyPhotos, readLineage, Studio } from './comic-support.ts';

/** Runs a command on a terminal of its own and types each answer once its question stands on the screen. */
const TERMINAL = `
import os, pty, sys, json, time, select, fcntl, termios, struct, signal
argv, answers = json.loads(sys.argv[1]), json.loads(sys.argv[2])
pid, fd = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 120, 0, 0))
screen = b""
while True:
    ready, _, _ = select.select([fd], [], [], 30)
    if not ready:
        break
    try:
        chunk = os.read(fd, 65536)
    except OSError:
        break
    if not chunk:
        break
    screen += chunk
    if answers and answers[0][0].encode() in screen:
        time.sleep(0.3)
        for key in answers.pop(0)[1]:
            os.write(fd, key.encode())
            time.sleep(0.15)
# By now it has ended, or never will.
for _ in range(50):
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        break
    time.sleep(0.1)
else:
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(screen)
sys.exit(os.waitstatus_to_exitcode(status))
`;

let studio: Studio;
let photos: string;
beforeAll(async () => {
  studio = await Studio.open();
  photos = join(studio.home.path, 'photos');
  await mkdir(photos);
  await copyPhotos(['pets', 'Zoo'], photos);
  const { code, stderr } = await studio.home.curate(['index', photos], { cwd: repository });
  if (code !== 0) throw new Error(stderr);
});
beforeEach(() => studio.fresh());
afterAll(() => studio.close());

function onTerminal(
  args: readonly string[],
  answers: readonly (readonly [question: string, keys: readonly string[]])[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number; readonly screen: string }> {
  const argv = [process.execPath, join(repository, 'bin', 'curate.js'), ...args];
  const home = { PATH: process.env.PATH ?? '', HOME: studio.home.path, TERM: 'xterm-256color' };
  return new Promise((resolve) => {
    execFile(
      'python3',
      ['-c', TERMINAL, JSON.stringify(argv), JSON.stringify(answers)],
      { cwd: studio.folder, env: { ...home, ...studio.access(), ...env }, maxBuffer: 64e6 },
      (error, stdout) => resolve({ code: typeof error?.code === 'number' ? error.code : 0, screen: stdout }),
    );
  });
}

function parts(): readonly Part[] {
  return studio.answered[0]?.form?.parts ?? [];
}

const one = ['comic', cat, 'On a terminal', '--refs', '1', '--quality', 'low'];

describe('on a terminal', () => {
  it('asks before spending and sends nothing on no', async () => {
    const { code, screen } = await onTerminal(one, [['Send this and spend', ['n']]]);
    expect(screen).toMatch(/about \$0\.01/);
    expect(screen).toContain('Nothing was sent.');
    expect([code, studio.fake.received.length]).toEqual([4, 0]);
  });

  it('sends on yes', async () => {
    const { code, screen } = await onTerminal(one, [['Send this and spend', ['y']]]);
    expect([code, studio.answered.length], screen).toEqual([0, 1]);
    expect(await readdir(studio.folder)).toContain('on-a-terminal.png');
  });

  it('does not ask with --yes', async () => {
    const { code, screen } = await onTerminal([...one, '--yes'], []);
    expect([code, studio.answered.length]).toEqual([0, 1]);
    expect(screen).not.toContain('Send this');
  });

  it('sends nothing on Ctrl-C', async () => {
    const { code } = await onTerminal(one, [['Send this and spend', ['\u0003']]]);
    expect([code, studio.fake.received.length]).toEqual([130, 0]);
  });

  it('lets a person pick, with the cast as a proposal', async () => {
    // The first line is marked, and then the next as well, which is one too many; space unmarks the first again.
    const args = ['comic', cat, 'Picked', '--refs', '2', '--pick', '--yes'];
    const { code, screen } = await onTerminal(args, [
      ['Choose up to 1', ['\u001b[B', ' ', '\r']],
      ['2 photos are marked, 1 can be sent: mark fewer', [' ', '\r']],
    ]);
    expect(code, screen).toBe(0);
    // The photos to choose among, in half-blocks, with their scores and names below.
    expect(screen).toMatch(/▀[\s\S]*0\.\d\d {2}\S+\.(jpg|png|webp)[\s\S]*Choose up to 1/);
    const { references } = await readLineage(join(studio.folder, 'picked.png.json'));
    expect(references.map(({ role, reason }) => [role, reason])).toEqual([
      ['query', 'query'],
      ['reference', 'picked'],
    ]);
  });

  it('draws partial pictures where the terminal can', async () => {
    const { screen } = await onTerminal([...one, '--yes', '--stream'], [], { TERM_PROGRAM: 'iTerm.app' });
    expect(screen.match(/\]1337;File=inline=1;size=\d+/g)).toHaveLength(2);
    const plain = await onTerminal([...one, '--yes', '--stream'], []);
    expect(plain.screen).not.toContain('1337;File');
  });
});

describe('what is sent', () => {
  it('is what the dry run showed, byte for byte', async () => {
    const args = ['comic', cat, 'A comic', '--refs', '4'];
    const { code, stdout } = await studio.spawn([...args, '--dry-run'], { env: { OPENAI_API_KEY: '' } });
    expect([code, stdout]).toEqual([0, `${join(studio.folder, 'a-comic.dry-run', 'index.html')}\n`]);
    expect(studio.fake.received).toHaveLength(0);
    const folder = join(studio.folder, 'a-comic.dry-run');
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as {
      text: string;
      parameters: Record<string, unknown>;
      references: { file: string; sentSha256: string; tokens: number }[];
    };
    expect((await studio.spawn([...args, '--yes'])).stdout).toBe(`${join(studio.folder, 'a-comic.png')}\n`);
    expect(parts().map(({ bytes }) => sha256(bytes))).toEqual(manifest.references.map(({ sentSha256 }) => sentSha256));
    for (const { file, sentSha256 } of manifest.references) {
      expect(sha256(await readFile(join(folder, file)))).toBe(sentSha256);
    }
    const { prompt, model, ...fields } = Object.fromEntries(studio.answered[0]?.form?.fields ?? []);
    expect(prompt).toBe(manifest.text);
    expect(fields).toEqual(Object.fromEntries(Object.entries(manifest.parameters).map(([k, v]) => [k, String(v)])));
    const page = await readFile(join(folder, 'index.html'), 'utf8');
    for (const { file, sentSha256 } of manifest.references) {
      expect(page).toContain(`src="${file}"`);
      expect(page).toContain(sentSha256);
    }
    expect(page).toContain('about $0.0');
  });

  it('says where it cannot be rehearsed', async () => {
    await writeFile(join(studio.folder, 'plain'), '');
    for (const out of ['plain', 'plain/dry']) {
      const { code, stderr } = await studio.run(['comic', cat, 'x', '--refs', '1', '--dry-run', '--out', out]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/curate: The dry run .*plain.* cannot be written: .*(has that name|is not a folder)\./);
    }
  });

  it('is never rehearsed over another dry run', async () => {
    const args = ['comic', cat, 'A comic', '--refs', '1', '--dry-run'];
    await studio.run([...args, '--out', 'dry']);
    expect((await studio.run([...args, '--out', 'dry'])).code).toBe(4);
    expect((await studio.run([...args, '--out', 'dry', '--force'])).code).toBe(0);
    await studio.run(args);
    expect((await studio.run(args)).stdout).toContain('a-comic.dry-run-2');
  });
});

it('sends no photo of a private folder, but searches by one that is not sent', async () => {
  await writeFile(join(photos, 'Zoo', '.curateprivate'), '');
  const panda = join(photos, 'Zoo', 'red-panda-1.jpg');
  try {
    const asQuery = await studio.json<{ error: { code: string } }>(['comic', panda, 'x', '--yes']);
    expect(asQuery).toMatchObject({ exit: 4, error: { code: 'private', hint: expect.stringContaining('--no-query') } });
    const byHand = await studio.run(['comic', cat, 'x', '--ref', panda, '--yes']);
    expect([byHand.code, byHand.stderr]).toEqual([4, expect.stringContaining('--allow-private')]);
    expect(byHand.stderr).not.toContain('--no-query');
    expect((await studio.run(['comic', panda, 'x', '--dry-run'])).code).toBe(4);
    expect(studio.fake.received).toHaveLength(0);
    const made = await studio.spawnJson(['comic', panda, 'x', '--no-query', '--min-score', '-1', '--yes']);
    expect(made.exit).toBe(0);
    const used = made.references.filter((reference) => reference.used);
    expect(used.some(({ path }) => path.startsWith(join(photos, 'Zoo')))).toBe(false);
  } finally {
    await rm(join(photos, 'Zoo', '.curateprivate'));
  }
});

it('needs a terminal to pick on', async () => {
  const { code, stderr } = await studio.run([...one, '--pick', '--yes']);
  expect([code, stderr]).toEqual([2, expect.stringContaining('--pick needs a terminal')]);
});

it('says how to begin when nothing is indexed', async () => {
  const { code, stderr } = await studio.run(['comic', cat, 'x', '--dry-run']);
  expect([code, stderr]).toEqual([1, expect.stringContaining('curate index')]);
});
