import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { arch, platform, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The newest server that PyPI carries; with `CURATE_TEST_MILVUS=2.3.4` the oldest that curate promises to work with. */
export const SERVER_VERSION = process.env.CURATE_TEST_MILVUS ?? '2.3.5';
const PACKAGE = `milvus==${SERVER_VERSION}`;
const CACHE = join(tmpdir(), `curate-test-milvus-${SERVER_VERSION}`);
const SCRIPT = fileURLToPath(new URL('./milvus_server.py', import.meta.url));
const isolate = userInfo().uid === 0 ? ['-n'] : ['-r', '-n'];

export interface RunningServer {
  /** `http://127.0.0.1:PORT` */
  readonly uri: string;
  /** The server's own default account. */
  readonly token: string;
  stop(): Promise<void>;
}

/** Why a real server cannot be had here, or null when it can; fetches it on the way. */
export function whyNoServer(): string | null {
  if (platform() !== 'linux' || arch() !== 'x64') return 'its binary is for Linux on x86-64 only';
  try {
    execFileSync('unshare', [...isolate, 'true'], { stdio: 'ignore' });
  } catch {
    return 'it binds every interface, and a network namespace to hide it in needs root';
  }
  const installed = join(CACHE, 'package');
  if (existsSync(installed)) return null;
  try {
    const options = [
      '--quiet',
      '--no-deps',
      '--only-binary',
      ':all:',
      '--disable-pip-version-check',
      '--root-user-action',
      'ignore',
    ];
    execFileSync('python3', ['-m', 'pip', 'install', ...options, '--target', installed, PACKAGE], { stdio: 'pipe' });
    return null;
  } catch {
    rmSync(installed, { recursive: true, force: true });
    return `pip could not fetch ${PACKAGE}`;
  }
}

/** A server with nothing in it, reached by TCP on loopback though it lives in a network of its own. */
export async function startServer(): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), 'curate-milvus-'));
  const socket = join(folder, 's');
  const child = spawn(
    'unshare',
    [...isolate, 'python3', SCRIPT, join(CACHE, 'package'), join(CACHE, 'bin'), folder, socket],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const ended = once(child, 'exit');
  const [said] = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  if (said !== 'ready') throw new Error(`The Milvus server did not start (${said}): see ${folder}/logs`);

  const relay = createServer((near) => {
    const far = connect(socket);
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  return {
    uri: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`,
    token: 'root:Milvus',
    stop: async () => {
      relay.close();
      child.stdin.end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
