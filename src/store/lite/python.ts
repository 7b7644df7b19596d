import { UserError } from '../../errors.ts';
import type { World } from '../../world.ts';
import { runLines } from './child.ts';

export interface Python {
  /** As found on PATH. */
  readonly command: string;
  readonly version: string;
}

/** The versions that runtime/requirements.txt has packages for. */
const OLDEST = [3, 10] as const;
const NEWEST = [3, 15] as const;
const REMEDY =
  'Install Python 3.10 or newer (python.org, or your system\'s package "python3"), or use a Milvus server: set MILVUS_URI.';

/**
 * The first Python on PATH that the embedded store can use: `python3`, then names with a version, newest first.
 * @throws UserError `python_missing` or `python_version`, which name both remedies.
 */
export async function findPython(world: World): Promise<Python> {
  const unfit: Python[] = [];
  for (const command of commandNames(world.platform)) {
    const version = await versionOf(world, command);
    if (version === null) continue;
    if (isFit(version)) return { command, version };
    unfit.push({ command, version });
  }
  const [first] = unfit;
  if (first === undefined) {
    throw new UserError('python_missing', 'No python3 was found; the embedded store needs Python 3.10 or newer.', {
      hint: REMEDY,
    });
  }
  const [major, minor] = parts(first.version);
  const verdict = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]) ? 'too old' : 'too new';
  throw new UserError(
    'python_version',
    `${first.command} is Python ${first.version}, which is ${verdict} for the embedded store; it runs on Python ` +
      `${OLDEST.join('.')} to ${NEWEST.join('.')}.`,
    { hint: REMEDY },
  );
}

function commandNames(platform: NodeJS.Platform): string[] {
  const versioned: string[] = [];
  for (let minor = NEWEST[1]; minor >= OLDEST[1]; minor--) versioned.push(`python3.${minor}`);
  return ['python3', ...(platform === 'win32' ? ['python'] : []), ...versioned];
}

async function versionOf(world: World, command: string): Promise<string | null> {
  let version: string | null = null;
  // Asking for the version starts no interpreter: a few milliseconds, and no settings of the person's can break it.
  await runLines(
    world,
    command,
    ['--version'],
    { env: world.env, stdio: ['ignore', 'pipe', 'ignore'], timeout: 20_000, windowsHide: true },
    (line) => {
      version ??= /(\d+\.\d+\.\d+)/.exec(line)?.[1] ?? null;
    },
  );
  return version;
}

function isFit(version: string): boolean {
  const [major, minor] = parts(version);
  return major === OLDEST[0] && minor >= OLDEST[1] && minor <= NEWEST[1];
}

function parts(version: string): [major: number, minor: number] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return [major, minor];
}
