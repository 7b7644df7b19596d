import type { ChildProcess, Serializable } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Env, World } from './world.ts';

const KEEP_STDERR = 2000;
const CLOSE_PATIENCE_MS = 3000;

interface Listeners<FromWorker> {
  onMessage(message: FromWorker): void;
  /** Once; `said` is the end of what it wrote to stderr. */
  onExit(said: string): void;
}

/**
 * A process that runs one of curate's own scripts and is spoken to by messages: what crashes or hangs in it can be
 * ended. It ends when its channel closes, so that it never outlives this process.
 */
export class WorkerProcess<ToWorker extends Serializable, FromWorker> {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;

  /** @param env Besides the environment of this process. */
  constructor(world: World, script: URL, env: Env, listeners: Listeners<FromWorker>) {
    this.#child = world.spawn(world.nodePath, [fileURLToPath(script)], {
      // What native libraries print must not reach the terminal.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
      env: { ...world.env, ...env },
      windowsHide: true,
    });
    let said = '';
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-KEEP_STDERR);
    });
    this.#child.on('message', (message) => listeners.onMessage(message as FromWorker));
    this.#exited = new Promise((resolve) => {
      const exit = (): void => {
        resolve();
        listeners.onExit(said.trim());
      };
      // 'error' instead of 'exit' when it could not be started at all.
      this.#child.once('error', (error) => {
        said += error.message;
        if (this.#child.pid === undefined) exit();
      });
      this.#child.once('exit', exit);
    });
  }

  send(message: ToWorker): void {
    // A failure to send means that it is dying: its exit says so, too.
    this.#child.send(message, () => undefined);
  }

  /** This process stays for it. */
  hold(): void {
    this.#child.ref();
    this.#child.channel?.ref();
  }

  /** This process does not stay for it. */
  release(): void {
    this.#child.unref();
    this.#child.channel?.unref();
    // A pipe in truth, whatever its type says.
    (this.#child.stderr as Socket | null)?.unref();
  }

  /** Ends it at once and hears no more of it. One that waits for a drive ends only when that answers. */
  abandon(): void {
    this.#child.removeAllListeners().on('error', () => undefined);
    this.#child.kill('SIGKILL');
    if (this.#child.connected) this.#child.disconnect();
    this.#child.stderr?.destroy();
    this.#child.unref();
  }

  /** Ends it in the middle of whatever it does. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** Lets it end; one that is busy is ended. */
  async close(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_PATIENCE_MS);
    await this.#exited;
    clearTimeout(timer);
  }
}
