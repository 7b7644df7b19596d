import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testWorld } from './world.ts';

export const repository = fileURLToPath(new URL('../../', import.meta.url));
const binary = join(repository, 'bin', 'curate.js');

/** Kept between runs: the embedded store's Python environment takes seconds to make, and most tests are not about that. */
export const SHARED_PYTHON = join(repository, 'node_modules', '.cache', 'curate-python');

/** Kept between runs, too: a model is optimised for a machine once, which takes a second and 100 MB. */
const SHARED_MODELS = join(repository, 'node_modules', '.cache', 'curate-models');

/** Lends a cache folder, which is made, the optimised models. */
export async function lendModels(cache: string): Promise<void> {
  await mkdir(SHARED_MODELS, { recursive: true });
  await mkdir(cache, { recursive: true });
  await symlink(SHARED_MODELS, join(cache, 'models'));
}

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const PROGRAM = new URL('../../dist/cli.js', import.meta.url).href;

/** `curate ARGS` in this process, where there is no terminal: quicker than a process of its own. */
export async function runHere(
  args: readonly string[],
  { env, ...place }: { readonly cwd?: string; readonly home?: string; readonly env: Readonly<Record<string, string>> },
): Promise<Ended> {
  // The built program: its decoders are processes, and Node 20 cannot run TypeScript.
  const { run } = (await import(PROGRAM)) as typeof import('../../src/cli.ts');
  const world = testWorld({ env, ...place });
  const code = await run(args, world);
  return { code, stdout: world.out(), stderr: world.err() };
}

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** Called with the running process, to kill it or to talk to it. */
  readonly during?: (child: ReturnType<typeof spawn>) => void;
}

/** An empty home directory, with the built binary run in it as a person's shell would. */
export class Home {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** @param fresh True for a home in which nothing was set up, not even the embedded store's Python environment. */
  static async make({ fresh = false } = {}): Promise<Home> {
    const path = await mkdtemp(join(tmpdir(), 'curate-home-'));
    if (!fresh) {
      const data = join(path, '.local', 'share', 'curate');
      await mkdir(SHARED_PYTHON, { recursive: true });
      await mkdir(data, { recursive: true });
      await symlink(SHARED_PYTHON, join(data, 'python'));
      await lendModels(join(path, '.cache', 'curate'));
    }
    return new Home(path);
  }

  /** Runs `curate ARGS` to its end. */
  curate(args: readonly string[], { cwd, env = {}, input, during }: RunOptions = {}): Promise<Finished> {
    const child = spawn(process.execPath, [binary, ...args], {
      cwd: cwd ?? this.path,
      env: { PATH: process.env.PATH ?? '', HOME: this.path, ...inherited(), ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    child.stdin?.end(input);
    during?.(child);
    return new Promise((resolve, reject) => {
      const stdout: Buffer[] = [];
      const stderr: Buffer[] = [];
      child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
      child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
      child.on('error', reject);
      child.on('close', (code, signal) => {
        resolve({ code, signal, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
      });
    });
  }

  /** Runs `curate ARGS --json` and parses its one document. */
  async json<T>(args: readonly string[], options: RunOptions = {}): Promise<T & { readonly exit: number | null }> {
    const { code, stdout, stderr } = await this.curate([...args, '--json'], options);
    try {
      return { ...(JSON.parse(stdout) as T), exit: code };
    } catch (error) {
      throw new Error(`curate ${args.join(' ')} exited ${code} and printed no JSON document:\n${stdout}\n${stderr}`, {
        cause: error,
      });
    }
  }

  /** Ends the embedded server and removes the home. */
  async remove(): Promise<void> {
    await this.curate(['stop']);
    await rm(this.path, { recursive: true, force: true });
  }
}

/** What pip needs to reach its index where a machine reaches it in a special way. */
function inherited(): Record<string, string> {
  const names = Object.keys(process.env).filter((name) =>
    /^(PIP_|SSL_CERT|REQUESTS_CA|HTTPS?_PROXY|NO_PROXY)/i.test(name),
  );
  return Object.fromEntries(names.map((name) => [name, process.env[name] ?? '']));
}
