import { createHash } from 'node:crypto';
import { access, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { interruptedError, UserError } from '../../errors.ts';
import type { World } from '../../world.ts';
import type { OnLiteEvent } from '../events.ts';
import { runLines } from './child.ts';
import { type LiteFolders, makePrivate, RUNTIME } from './folders.ts';
import { findPython, type Python } from './python.ts';

/** A line of runtime/provision.py, which says what each means. */
const report = z.union([
  z.object({ step: z.literal('downloading'), package: z.string(), received: z.number(), total: z.number() }),
  z.object({ step: z.enum(['waiting', 'creating', 'installing', 'testing']) }),
  z.object({ ready: z.string(), bytes: z.number() }),
  z.object({ error: z.enum(['network', 'hash', 'disk', 'platform', 'python', 'broken']), message: z.string() }),
]);
type Report = z.infer<typeof report>;
const stamp = z.object({ id: z.string() });
type Trouble = Extract<Report, { error: string }>;

/** A private Python environment that is whole. */
export interface Runtime {
  /** Its interpreter. */
  readonly python: string;
  /** Of this making of it: one made again has another. */
  readonly id: string;
}

interface Wanted {
  /** Folder of the engine's requirements.txt; this curate's own unless given. */
  readonly engine?: string;
  /** Folder of another engine's, whose environment stays if there is one. */
  readonly beside?: string | undefined;
  /** One that has turned out damaged: it is made again, unless another process has done so meanwhile. */
  readonly broken?: Runtime | null;
}

/**
 * The private Python environment that holds the engine, made first where it is missing: 250 MB, from the package index
 * that the person's pip settings name. Safe to call from several processes at once.
 * @throws UserError `python_missing`, `python_version`, `disk_full` or `runtime_...`.
 */
export async function ensureRuntime(
  world: World,
  folders: LiteFolders,
  onEvent: OnLiteEvent,
  { engine = RUNTIME, beside, broken = null }: Wanted = {},
): Promise<Runtime> {
  const name = await environmentName(world, engine);
  const present = await findReady(world, folders.environments, name);
  if (present !== null && present.id !== broken?.id) return present;
  const args = [folders.environments, name, '--log', folders.installLog, '--engine', engine];
  if (beside !== undefined) args.push('--keep', await environmentName(world, beside));
  if (broken !== null) args.push('--broken', broken.id);
  return make(world, folders, args, broken !== null, onEvent);
}

/** Removes the environment of an engine that nothing needs any more, unless this curate's own is the same. */
export async function removeRuntime(world: World, folders: LiteFolders, engine: string): Promise<void> {
  const name = await environmentName(world, engine);
  if (name === (await environmentName(world, RUNTIME))) return;
  for (const entry of await readdir(folders.environments)) {
    if (entry.startsWith(name)) await rm(join(folders.environments, entry), { recursive: true, force: true });
  }
}

/** Any environment that is there, for what needs only the standard library. */
export function findAnyRuntime(world: World, folders: LiteFolders): Promise<Runtime | null> {
  return findReady(world, folders.environments, machine(world));
}

function machine(world: World): string {
  return `${world.platform}-${world.arch}_`;
}

/** Changes with the pinned packages, so that a newer curate makes an environment of its own. */
async function environmentName(world: World, engine: string): Promise<string> {
  const requirements = await readFile(join(engine, 'requirements.txt'));
  return machine(world) + createHash('sha256').update(requirements).digest('hex').slice(0, 12);
}

async function findReady(world: World, root: string, name: string): Promise<Runtime | null> {
  for (const entry of await readdir(root).catch(() => [])) {
    if (!entry.startsWith(name) || entry.endsWith('.building')) continue;
    const runtime = await readRuntime(world, join(root, entry));
    if (runtime !== null) return runtime;
  }
  return null;
}

async function readRuntime(world: World, environment: string): Promise<Runtime | null> {
  const python = join(environment, ...(world.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']));
  try {
    // Follows the link: an environment ends with the Python that it was made from.
    await access(python);
    return { python, ...stamp.parse(JSON.parse(await readFile(join(environment, 'ready.json'), 'utf8'))) };
  } catch {
    return null;
  }
}

async function make(
  world: World,
  folders: LiteFolders,
  args: readonly string[],
  again: boolean,
  onEvent: OnLiteEvent,
): Promise<Runtime> {
  const python = await findPython(world);
  await makePrivate(folders.environments);
  const script = join(RUNTIME, 'provision.py');
  const reports: Report[] = [];
  const end = await runLines(
    world,
    python.command,
    ['-I', '-B', script, ...args],
    { cwd: folders.environments, env: world.env, stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true },
    (line) => {
      const message = parse(line);
      if (message === null) return;
      reports.push(message);
      tell(message, python, again, onEvent);
    },
  );
  if (world.interrupted.aborted) throw interruptedError();
  const final = reports.at(-1);
  const runtime = final !== undefined && 'ready' in final ? await readRuntime(world, final.ready) : null;
  if (runtime !== null) return runtime;
  if (final !== undefined && 'error' in final) throw explain(final, python, world, folders);
  const words = end.failure ?? `setting up ended with ${end.signal ?? `code ${end.code}`}`;
  throw explain({ error: 'broken', message: words }, python, world, folders);
}

function parse(line: string): Report | null {
  try {
    return report.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

function tell(message: Report, python: Python, again: boolean, onEvent: OnLiteEvent): void {
  const kind = 'provisioning';
  if ('ready' in message) onEvent({ kind, step: 'ready', folder: message.ready, bytes: message.bytes });
  if (!('step' in message)) return;
  if (message.step === 'downloading') {
    const { step, received, total } = message;
    onEvent({ kind, step, package: message.package, receivedBytes: received, totalBytes: total });
  } else if (message.step === 'creating') {
    onEvent({ kind, step: message.step, python: python.version, again });
  } else {
    onEvent({ kind, step: message.step });
  }
}

function explain({ error, message }: Trouble, python: Python, _world: World, folders: LiteFolders): UserError {
  const log = `Details: ${folders.installLog}`;
  const server = 'or use a Milvus server: set MILVUS_URI';
  switch (error) {
    case 'network':
      return new UserError('runtime_network', `The embedded store could not be downloaded: ${message}`, {
        hint: `Check the connection, proxies and pip's settings (PIP_INDEX_URL), then try again, ${server}. ${log}`,
      });
    case 'hash':
      return new UserError(
        'runtime_checksum',
        'A downloaded part of the embedded store is not the file curate was made with; nothing was installed.',
        { hint: `Try again; if it stays, the package index or a proxy alters files. ${log}` },
      );
    case 'disk':
      return new UserError('disk_full', `The disk is full where ${folders.environments} is.`, {
        hint: 'The embedded store takes 250 MB and another 80 MB while it is set up. Make room, or set CURATE_HOME.',
      });
    case 'platform':
      return new UserError(
        'runtime_platform',
        `The parts of the embedded store do not come ready-made for this machine (${message}, Python ${python.version}).`,
        { hint: 'Use a Milvus server: set MILVUS_URI.' },
      );
    case 'python':
      return new UserError('python_incomplete', `${python.command} cannot make environments: ${message}.`, {
        hint: `Install the whole of Python (on Debian and Ubuntu: apt install python3), ${server}.`,
      });
    case 'broken':
      return new UserError('runtime_broken', `The embedded store could not be set up: ${message}`, {
        hint: `Try again, ${server}. ${log}`,
      });
  }
}
