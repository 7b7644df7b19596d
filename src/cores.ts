import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';

/** The text of a file; null when it cannot be read. */
type ReadText = (file: string) => string | null;

/**
 * Processors' worth of time that Linux allows the process: the least that its control group and those around it may
 * use (cgroup v1 and v2), rounded down, at least 1; Infinity without a limit. Node counts it itself from 22.12 on
 * (libuv 1.49), and only the processors it may run on before.
 */
export function coresByQuota(read: ReadText = readText): number {
  const mounts = mountsOf(read('/proc/self/mountinfo') ?? '');
  const quotas = (read('/proc/self/cgroup') ?? '').split('\n').flatMap((line) => {
    const [, controllers = '', group] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const mount = mounts.find(({ carries }) => carries(controllers.split(',')));
    if (mount === undefined || group === undefined) return [];
    return foldersOf(mount, group).map((folder) => quotaOf(folder, read));
  });
  return Math.max(1, Math.floor(Math.min(Number.POSITIVE_INFINITY, ...quotas)));
}

interface Mount {
  /** The group that stands at `at`. */
  readonly root: string;
  readonly at: string;
  /** Whether a line of /proc/self/cgroup with these controllers speaks of it. */
  carries(controllers: readonly string[]): boolean;
}

/** The mounts of /proc/self/mountinfo (proc_pid_mountinfo(5)) at which processor time may be limited. */
function mountsOf(mountinfo: string): Mount[] {
  return mountinfo.split('\n').flatMap((line): Mount[] => {
    const [place = '', kind = ''] = line.split(' - ');
    const [, , , root = '', at = ''] = place.split(' ').map(unescaped);
    const [type, , options = ''] = kind.split(' ');
    if (type === 'cgroup2') return [{ root, at, carries: (controllers) => controllers.join() === '' }];
    if (type !== 'cgroup' || !options.split(',').includes('cpu')) return [];
    return [{ root, at, carries: (controllers) => controllers.includes('cpu') }];
  });
}

/** White space and backslashes stand as octal numbers in /proc. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** The group's folder and those of the groups around it, as far up as the mount shows them. */
function foldersOf({ root, at }: Mount, group: string): string[] {
  const top = root === '/' ? '' : root;
  const isBelow = group.startsWith(`${top}/`) && !group.includes('/..');
  const folders = [at];
  for (let below = isBelow ? group.slice(top.length) : '/'; below !== '/'; below = dirname(below)) {
    folders.push(join(at, below));
  }
  return folders;
}

function quotaOf(folder: string, read: ReadText): number {
  const [quota, period] =
    read(join(folder, 'cpu.max'))?.split(/\s+/) ??
    ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((name) => read(join(folder, name)) ?? '');
  const cores = Number(quota) / Number(period);
  // Without a limit, the one says "max" and the other -1.
  return cores > 0 ? cores : Number.POSITIVE_INFINITY;
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
