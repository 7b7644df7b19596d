import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { interruptedError, UserError } from '../../errors.ts';
import { version } from '../../version.ts';
import type { World } from '../../world.ts';
import type { OnLiteEvent } from '../events.ts';
import { type Engine, engineOf, keepEngine, ownEngine } from './engine.ts';
import { type LiteFolders, liteFolders } from './folders.ts';
import { ensureRuntime, type Runtime } from './provision.ts';
import { endServer, startServer } from './server.ts';

interface ConnectOptions {
  /** How long the server stays without being called. */
  readonly idleSeconds?: number;
  /** Another place than the one in use. */
  readonly folders?: LiteFolders;
  /** Another engine than this curate's own. */
  readonly engine?: Engine;
  /** One whose Python environment stays, though this is not it. */
  readonly beside?: Engine;
}

const IDLE_SECONDS = 600;
const POLL_MS = 100;
/** A server that has published itself but cannot be reached is ending, which takes seconds, or has lost its socket. */
const ENDING_MS = 8_000;
/** One that has not published itself is starting, from a slow disk perhaps, or writing its last rows. */
const BUSY_MS = 60_000;

/**
 * The address and token of the embedded server, which is set up and started when it does not run. Cheap when it does:
 * reading a file and knocking at a socket. Any number of processes may call it at once, and again after the server
 * was killed: the kernel's lock on its folder sees to it that there is one server, and that everybody finds it.
 * @throws UserError naming the remedy, when Python, the network, the disk or the data are in the way.
 */
export async function connectLite(
  world: World,
  paths: { readonly data: string },
  onEvent: OnLiteEvent,
  { idleSeconds = IDLE_SECONDS, folders = liteFolders(paths.data), engine, beside }: ConnectOptions = {},
): Promise<LiteServer> {
  const ours = version();
  const used = engine ?? (await ownEngine());
  const wrote = await engineOf(folders.server);
  if (wrote !== null && wrote.version !== used.version) throw otherEngine(wrote.version, used.version, folders);
  const occupied = stopwatch(world);
  let broken: Runtime | null = null;
  while (!world.interrupted.aborted) {
    const server = await readState(folders.state);
    if (server !== null && (await answers(server.address))) {
      // A newer one is taken as it is: two versions in use at once would otherwise replace each other's in turns.
      if (!isOlder(server.version, ours)) return server;
      onEvent({ kind: 'server', step: 'replacing' });
      await endServer(world, folders);
    }
    const wanted = { engine: used.folder, beside: beside?.folder, broken };
    const runtime = await ensureRuntime(world, folders, onEvent, wanted);
    const start = { scripts: used.folder, version: ours, idleSeconds, onEvent };
    const outcome = await startServer(world, folders, runtime.python, start);
    // On a full disk photos can be searched all the same; then the next start does it.
    if (outcome.kind === 'ready' && engine === undefined) await keepEngine(folders.server, used).catch(() => undefined);
    if (outcome.kind === 'runtime') {
      if (broken !== null) throw unrepaired(outcome.message, folders);
      broken = runtime;
    } else if (outcome.kind === 'locked') {
      if (occupied.start()) onEvent({ kind: 'server', step: 'waiting' });
      if (occupied.milliseconds() > (server === null ? BUSY_MS : ENDING_MS)) {
        onEvent({ kind: 'server', step: 'replacing' });
        await endServer(world, folders);
        occupied.stop();
      }
      await sleep(POLL_MS);
    }
  }
  throw interruptedError();
}

function stopwatch(world: World) {
  let since: number | null = null;
  return {
    /** Whether it was not running yet. */
    start: (): boolean => {
      const first = since === null;
      since ??= world.elapsed();
      return first;
    },
    stop: (): void => {
      since = null;
    },
    milliseconds: (): number => (since === null ? 0 : world.elapsed() - since),
  };
}

/** By major, minor and patch. */
export function isOlder(version: string, than: string): boolean {
  const [ours, theirs] = [version, than].map((one) => one.split(/[.+-]/, 3).map(Number));
  for (const [index, number] of (ours ?? []).entries()) {
    const other = theirs?.[index] ?? 0;
    if (number !== other) return number < other;
  }
  return false;
}

function otherEngine(wrote: string, used: string, folders: LiteFolders): UserError {
  const [which, hint] = isOlder(used, wrote)
    ? ['a newer', 'Update curate, or set CURATE_HOME to another folder.']
    : ['an older', `Run that version once more, or move ${folders.server} away and index your folders again.`];
  const message = `The index was made by ${which} version of curate, with Milvus Lite ${wrote}; this one has ${used}.`;
  return new UserError('store_engine', message, { hint });
}

function unrepaired(message: string, folders: LiteFolders): UserError {
  return new UserError('runtime_broken', `The embedded store does not load, even newly set up: ${message}.`, {
    hint: `Its log is ${folders.log}. Or use a Milvus server: set MILVUS_URI.`,
  });
}

/** A running server, as it tells about itself in `server.json`. */
export interface LiteServer {
  readonly pid: number;
  /** `unix:/absolute/path` or `127.0.0.1:port`. */
  readonly address: string;
  readonly token: string;
  /** Of the curate that started it. */
  readonly version: string;
}

const stateSchema = z.object({ pid: z.int(), address: z.string(), token: z.string(), version: z.string() });
const ANSWER_MS = 2_000;

/** The server that last published itself, which may be gone; null when there is none. */
export async function readState(file: string): Promise<LiteServer | null> {
  try {
    return stateSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return null;
  }
}

/** Whether somebody listens at the address. */
export function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = address.startsWith('unix:')
      ? connect(address.slice('unix:'.length))
      : connect(Number(address.slice(address.lastIndexOf(':') + 1)), '127.0.0.1');
    const settle = (verdict: boolean): void => {
      socket.destroy();
      resolve(verdict);
    };
    socket.setTimeout(ANSWER_MS, () => settle(false));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
