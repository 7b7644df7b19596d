import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { UserError, unwritable } from '../../errors.ts';
import { exists } from '../../files/exists.ts';
import type { Env, World } from '../../world.ts';
import type { OnLiteEvent } from '../events.ts';
import { endOf, runLines } from './child.ts';
import { type LiteFolders, liteFolders, makePrivate, RUNTIME, socketPaths } from './folders.ts';
import { findAnyRuntime } from './provision.ts';
import { findPython } from './python.ts';

/** How a start ended; runtime/lite_server.py says what each means. */
export type StartOutcome =
  | { readonly kind: 'ready' }
  | { readonly kind: 'locked' }
  /** The Python environment is damaged. */
  | { readonly kind: 'runtime'; readonly message: string };

const firstLine = z.union([
  z.object({ ready: z.literal(true) }),
  z.object({ error: z.literal('locked') }),
  z.object({ error: z.enum(['foreign', 'damaged', 'engine', 'runtime', 'disk', 'io']), message: z.string() }),
]);

const stopLine = z.union([z.object({ stopped: z.boolean() }), z.object({ error: z.string(), message: z.string() })]);

const SCRIPT = 'lite_server.py';

interface StartOptions {
  /** Where lite_server.py is. */
  readonly scripts: string;
  /** Of this curate. */
  readonly version: string;
  readonly idleSeconds: number;
  readonly onEvent: OnLiteEvent;
}

/**
 * Starts the server in the background, in a session of its own: a Ctrl-C in the terminal does not reach it.
 * @param python The interpreter of the private environment.
 * @throws UserError `store_foreign`, `store_damaged`, `store_engine`, `disk_full`, `store_folder` or `store_crashed`.
 */
export async function startServer(
  world: World,
  folders: LiteFolders,
  python: string,
  { scripts, version, idleSeconds, onEvent }: StartOptions,
): Promise<StartOutcome> {
  onEvent({ kind: 'server', step: 'starting' });
  await makePrivate(folders.server);
  // "a+", because the server shortens its log itself.
  const log = await open(folders.log, 'a+', 0o600).catch((error: unknown) => {
    throw unwritable(folders.server, error);
  });
  const logged = (await log.stat()).size;
  const sockets = socketPaths(world, folders.server).flatMap((path) => ['--socket', path]);
  const args = ['serve', folders.server, '--version', version, '--idle', String(idleSeconds), ...sockets];
  const child = world.spawn(python, ['-I', '-B', join(scripts, SCRIPT), ...args], {
    cwd: folders.server,
    env: serverEnvironment(world.env),
    detached: true,
    stdio: ['ignore', 'pipe', log.fd],
    windowsHide: true,
  });
  const ended = endOf(child);
  // Before anything is waited for: Node throws away what nobody reads of a process that has ended.
  const line = child.stdout === null ? null : await firstLineOf(child.stdout);
  await log.close();
  child.unref();
  if (line !== null) return judge(line, folders);
  const { code, signal, failure } = await ended;
  // An interpreter that is not there or cannot be run is an environment to be made again.
  if (failure !== null) return { kind: 'runtime', message: failure };
  throw crashed(`ended with ${signal ?? `code ${code}`}`, folders, await logTail(folders.log, logged));
}

/** Null where the stream ends without one. */
async function firstLineOf(stream: Readable): Promise<string | null> {
  let line: string | null = null;
  for await (const text of createInterface({ input: stream })) {
    line = text;
    break;
  }
  stream.destroy();
  return line;
}

function judge(line: string, folders: LiteFolders): StartOutcome {
  const { data: message } = firstLine.safeParse(parseJson(line));
  if (message === undefined) throw crashed(`said "${line}"`, folders, '');
  if ('ready' in message) return { kind: 'ready' };
  switch (message.error) {
    case 'locked':
      return { kind: 'locked' };
    case 'runtime':
      return { kind: 'runtime', message: message.message };
    case 'foreign':
      throw new UserError('store_foreign', `Another program has the index open: ${message.message}.`, {
        hint: 'End whatever uses Milvus Lite on that folder, or set CURATE_HOME to another folder.',
      });
    case 'damaged':
      throw new UserError('store_damaged', `The index is ${message.message}.`, {
        hint: `Nothing was changed. To start over, move ${folders.server} away and index your folders again.`,
      });
    case 'engine':
      throw new UserError('store_engine', `The embedded store cannot run safely: ${message.message}.`, {
        hint: `Nothing was touched. Remove ${folders.environments} to set it up again. Or set MILVUS_URI to a server.`,
      });
    case 'disk':
      throw new UserError('disk_full', `The disk is full where ${folders.server} is.`, {
        hint: 'Make room, and run the command again: what was indexed is kept.',
      });
    case 'io':
      throw new UserError('store_folder', `The embedded store cannot use its folder: ${message.message}.`, {
        hint: `Check the disk and the permissions of ${folders.server}, or set CURATE_HOME to another folder.`,
      });
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

function crashed(how: string, folders: LiteFolders, tail: string): UserError {
  const words = tail === '' ? '' : ` Its last words: ${tail}`;
  return new UserError('store_crashed', `The embedded store did not start, it ${how}.${words}`, {
    hint: `Its log is ${folders.log}. Or use a Milvus server: set MILVUS_URI.`,
  });
}

/** The last line that was logged from `offset` on. */
async function logTail(file: string, offset: number): Promise<string> {
  const text = (await readFile(file)).subarray(offset).toString('utf8').trimEnd();
  return text.slice(text.lastIndexOf('\n') + 1).slice(0, 300);
}

/** It lives longer than the command: it gets what a Python needs, and none of the keys and tokens. */
const PASSED_ON = /^(PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|TEMP|TMP|SYSTEMROOT|LD_LIBRARY_PATH|MILVUS_LITE_\w+)$/i;

function serverEnvironment(env: Env): Env {
  return Object.fromEntries(Object.entries(env).filter(([name]) => PASSED_ON.test(name)));
}

/**
 * Ends the embedded server, if one runs, and waits until its files are closed; whether there was one.
 * It finishes the calls under way; one that does not end within half a minute is killed, which loses nothing confirmed.
 */
export async function stopLite(world: World, paths: { readonly data: string }): Promise<boolean> {
  const folders = liteFolders(paths.data);
  return (await exists(folders.lock)) && endServer(world, folders);
}

export async function endServer(world: World, folders: LiteFolders): Promise<boolean> {
  const python = (await findAnyRuntime(world, folders))?.python ?? (await findPython(world)).command;
  let answer = '';
  const end = await runLines(
    world,
    python,
    ['-I', '-B', join(RUNTIME, SCRIPT), 'stop', folders.server],
    { cwd: folders.server, env: serverEnvironment(world.env), stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true },
    (line) => {
      answer = line;
    },
  );
  const { data: said } = stopLine.safeParse(parseJson(answer));
  if (said !== undefined && 'stopped' in said) return said.stopped;
  const why = said?.message ?? (answer || (end.failure ?? 'it said nothing'));
  throw new UserError('store_stuck', `The embedded store could not be ended: ${why}.`, {
    hint: `End the process whose number stands in ${folders.lock}, if there is one.`,
  });
}
