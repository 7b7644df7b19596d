import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { World } from '../world.ts';
import type { FromWorker, OpenWorker, ToWorker } from './protocol.ts';

/** Threads for file reads and for sharp's decoding in a worker. */
const THREADS = 4;
const KEEP_STDERR = 2000;
const CLOSE_PATIENCE_MS = 3000;

interface Listeners {
  onMessage(message: FromWorker): void;
  /** Once; `said` is the end of what it wrote to stderr. */
  onExit(said: string): void;
}

/** A running worker. It ends when its channel closes, so that it never outlives this process. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;

  constructor(world: World, open: OpenWorker, listeners: Listeners) {
    const script = fileURLToPath(new URL('./worker.js', import.meta.url));
    this.#child = world.spawn(world.nodePath, [script], {
      // What native libraries print must not reach the terminal.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
      // ONNX Runtime 1.30 otherwise keeps a device id and a queue of events for Microsoft in the home folder.
      env: { ...world.env, UV_THREADPOOL_SIZE: String(THREADS), ORT_DISABLE_TELEMETRY: '1' },
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
    this.send(open);
  }

  send(message: ToWorker): void {
    // A failure to send means that it is dying: its exit says so, too.
    this.#child.send(message, () => undefined);
  }

  /** Ends it at once and hears no more of it. One that waits for a drive ends only when that answers. */
  abandon(): void {
    this.#child.removeAllListeners().on('error', () => undefined);
    this.#child.kill('SIGKILL');
    if (this.#child.connected) this.#child.disconnect();
    this.#child.stderr?.destroy();
    this.#child.unref();
  }

  /** Lets it end; one that is busy is ended. */
  async close(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_PATIENCE_MS);
    await this.#exited;
    clearTimeout(timer);
  }
}
