import { createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { messageOf, systemErrorCode, UserError } from '../errors.ts';
import { withLock } from '../files/lock.ts';
import type { World } from '../world.ts';
import type { CatalogueEntry } from './catalogue.ts';
import { sha256Of } from './checksum.ts';

const DEFAULT_HUB = 'https://huggingface.co';

interface DownloadOptions {
  readonly fetch: typeof globalThis.fetch;
  /** Base of the hub; the default is the public one. */
  readonly hub: string | undefined;
  /** Where the model goes; what has arrived so far lies beside it as `.part`. */
  readonly file: string;
  /** Bytes here and bytes in all, null where the server does not say. */
  onProgress(received: number, total: number | null): void;
  onWait(): void;
}

/** Where the hub serves a model's file. */
export function downloadUrl({ source, id }: CatalogueEntry, hub: string = DEFAULT_HUB): string {
  if (source.kind !== 'huggingface') {
    throw new UserError('model_bundled', `The model ${id} comes with curate; there is nothing to download.`);
  }
  return `${hub.replace(/\/+$/, '')}/${source.repository}/resolve/${source.revision}/${source.path}`;
}

/**
 * Downloads a model: continues where an earlier try ended, checks the whole against its sha256, and only then gives
 * it its name. @throws UserError `download_*`, `model_checksum` or `disk_full`.
 */
export async function downloadModel(world: World, entry: CatalogueEntry, options: DownloadOptions): Promise<void> {
  const url = downloadUrl(entry, options.hub);
  const part = `${options.file}.part`;
  const lock = { onWait: options.onWait, signal: world.interrupted };
  await withLock(`${options.file}.lock`, world.pid, lock, async () => {
    if ((await sizeOf(options.file)) > 0) return;
    try {
      await receive(url, part, world.interrupted, options);
    } catch (error) {
      throw explain(error, url, part);
    }
    if ((await sha256Of(part)) !== entry.sha256) {
      await rm(part, { force: true });
      throw new UserError(
        'model_checksum',
        `What ${new URL(url).host} sent is not the model ${entry.id}: its sha256 differs.`,
        {
          hint: 'Nothing was kept. Try again; if it stays so, the source has changed or HF_ENDPOINT points elsewhere.',
        },
      );
    }
    await rename(part, options.file);
  });
}

async function receive(url: string, part: string, signal: AbortSignal, options: DownloadOptions): Promise<void> {
  const have = await sizeOf(part);
  const response = await options.fetch(url, { signal, ...(have > 0 ? { headers: { range: `bytes=${have}-` } } : {}) });
  // The part is already whole: the checksum decides.
  if (response.status === 416 && have > 0) return;
  if (!response.ok || response.body === null) throw new HttpStatus(response.status);
  const resumed = response.status === 206 && startOf(response) === have;
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  let received = resumed ? have : 0;
  const total = Number.isFinite(length) ? received + length : null;
  const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
  body.on('data', (chunk: Uint8Array) => {
    received += chunk.length;
    options.onProgress(received, total);
  });
  await pipeline(body, createWriteStream(part, { flags: resumed ? 'a' : 'w' }), { signal });
  if (total !== null && received < total) throw new Error(`only ${received} of ${total} bytes arrived`);
}

/** First byte of a partial answer: a server that ignores the range must not have its bytes appended. */
function startOf(response: Response): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN);
}

class HttpStatus extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`the server answered ${status}`);
    this.status = status;
  }
}

function explain(error: unknown, url: string, part: string): unknown {
  const host = new URL(url).host;
  const code = systemErrorCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new UserError('disk_full', `The disk is full: ${part} could not be written.`, {
      hint: 'Make room and pull again; it continues where it ended. CURATE_HOME can name another disk.',
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new UserError('data_unwritable', `${part} may not be written (${code}).`, {
      hint: 'Give yourself permission to write there, or set CURATE_HOME.',
      cause: error,
    });
  }
  if (error instanceof HttpStatus) {
    const hint = error.status === 404 ? 'Check HF_ENDPOINT: it must serve the same paths.' : 'Try again later.';
    return new UserError('download_refused', `${host} answered ${error.status} for ${url}.`, { hint, cause: error });
  }
  if (error instanceof Error && error.name === 'AbortError') return error;
  const reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : messageOf(error);
  return new UserError('download_failed', `The download from ${host} failed: ${reason}.`, {
    hint: 'Check the network (HTTPS_PROXY, HF_ENDPOINT) and pull again; it continues where it ended.',
    cause: error,
  });
}

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}
