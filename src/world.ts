import { spawn } from 'node:child_process';
import module from 'node:module';
import { availableParallelism, homedir, hostname, tmpdir, userInfo } from 'node:os';
import { resolve } from 'node:path';
import process from 'node:process';
import { coresByQuota } from './cores.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Everything outside the program, handed down as a value.
 * This module and `bin/` are the only readers of `process`.
 */
export interface World {
  readonly cwd: string;
  readonly env: Env;
  /** Absolute. */
  readonly home: string;
  readonly tmp: string;
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** What this machine is called. */
  readonly hostname: string;
  readonly pid: number;
  /** Numeric user id; null where the platform has none (Windows). */
  readonly uid: number | null;
  readonly nodePath: string;
  readonly nodeVersion: string;
  /** Processors this process may really use, cgroup limits and affinity included. */
  readonly cores: number;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly fetch: typeof globalThis.fetch;
  /** Aborted by the first Ctrl-C or SIGTERM; the second ends the process at once. */
  readonly interrupted: AbortSignal;
  /** The time of day; it may be set back. */
  now(): Date;
  /** Milliseconds since some moment in the past; they never run backwards. */
  elapsed(): number;
  /** Sends `signal` (0 only asks) to a process; false when there is no such process. */
  signal(pid: number, signal: NodeJS.Signals | 0): boolean;
  spawn: typeof spawn;
  /** Has Node keep what it compiles of modules from now on in this folder, and take it from there; null before Node 22.1. */
  readonly keepCompiled: ((folder: string) => void) | null;
}

/** An empty HOME counts as unset. */
function findHome(): string {
  try {
    return resolve(homedir() || userInfo().homedir);
  } catch {
    // A user without an account, as in containers, has no home but what the system gives there. Libraries ask for it, too.
    process.env.HOME = '/';
    return '/';
  }
}

/** The world as this process finds it. */
export function realWorld(): World {
  return {
    cwd: process.cwd(),
    env: process.env,
    home: findHome(),
    tmp: tmpdir(),
    platform: process.platform,
    arch: process.arch,
    hostname: hostname(),
    pid: process.pid,
    uid: process.getuid?.() ?? null,
    nodePath: process.execPath,
    nodeVersion: process.versions.node,
    cores: Math.min(availableParallelism(), coresByQuota()),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    fetch: globalThis.fetch,
    interrupted: interruptSignal(),
    now: () => new Date(),
    // Not by `performance`, for which Node loads much at its first use.
    elapsed: () => Number(process.hrtime.bigint()) / 1e6,
    signal: (pid, signal) => {
      try {
        return process.kill(pid, signal);
      } catch (error) {
        // EPERM: it lives, but is not ours to signal.
        return (error as NodeJS.ErrnoException).code === 'EPERM';
      }
    },
    spawn,
    keepCompiled: (module as { enableCompileCache?: (folder: string) => void }).enableCompileCache ?? null,
  };
}

function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return controller.signal;
}
