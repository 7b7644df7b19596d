import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CatalogueEntry } from '../../src/embedding/catalogue.ts';
import { downloadModel } from '../../src/embedding/download.ts';
import { findEntry } from '../../src/embedding/models.ts';
import { proxiedFetch } from '../../src/network.ts';
import { loadSettings } from '../../src/settings.ts';
import { testWorld } from '../support/world.ts';

const content = Buffer.alloc(300_000, 'model');
const sha256 = createHash('sha256').update(content).digest('hex');

let folder: string;
let server: Server;
let hub: string;
let requests: { url: string; range: string | undefined }[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let entry: CatalogueEntry;

/** A hub that honours ranges. */
function serve(request: IncomingMessage, response: ServerResponse): void {
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (from >= content.length) return void response.writeHead(416).end();
  const rest = content.subarray(from);
  const headers = {
    'content-length': rest.length,
    'content-range': `bytes ${from}-${content.length - 1}/${content.length}`,
  };
  response.writeHead(from > 0 ? 206 : 200, headers).end(rest);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curate-download-'));
  requests = [];
  answer = serve;
  server = createServer((request, response) => {
    requests.push({ url: request.url ?? '', range: request.headers.range });
    answer(request, response);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  hub = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  entry = { ...(await findEntry('timm-resnet50')), sha256 };
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  await rm(folder, { recursive: true, force: true });
});

const file = (): string => join(folder, 'models', 'timm.onnx');
async function pull(options: { hub?: string; fetch?: typeof fetch } = {}): Promise<number[]> {
  const seen: number[] = [];
  await downloadModel(testWorld(), entry, {
    fetch: options.fetch ?? fetch,
    hub: options.hub ?? `${hub}/`,
    file: file(),
    onProgress: (received) => seen.push(received),
    onWait: () => undefined,
  });
  return seen;
}

describe('downloading a model', () => {
  it('asks the hub for the pinned revision and tells how far it is', async () => {
    const seen = await pull();
    expect(requests[0]?.url).toBe('/Qdrant/resnet50-onnx/resolve/7481a46/model.onnx');
    expect(seen.at(-1)).toBe(content.length);
    expect(await readFile(file())).toEqual(content);
    await pull();
    expect(requests).toHaveLength(1);
  });

  it('goes on from where a cut connection ended', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': content.length });
      // Time for the bytes to arrive: a reset throws away what the client has not read.
      response.write(content.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 300));
    };
    await expect(pull()).rejects.toThrow(/The download from 127\.0\.0\.1:\d+ failed/);
    answer = serve;
    await pull();
    expect(requests[1]?.range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(await readFile(file())).toEqual(content);
  });

  it('starts over when the hub does not honour the range', async () => {
    await pull().then(() => rm(file()));
    await writeFile(`${file()}.part`, 'something else');
    answer = (_, response) => response.writeHead(200).end(content);
    await pull();
    expect(await readFile(file())).toEqual(content);
  });

  it('keeps nothing whose checksum is wrong', async () => {
    answer = (_, response) => response.end('not the model');
    await expect(pull()).rejects.toThrow(/its sha256 differs/);
    expect((await readdir(join(folder, 'models'))).filter((name) => !name.endsWith('.lock'))).toEqual([]);
  });

  it('says in a line that the hub has no such file, or that there is no network', async () => {
    answer = (_, response) => response.writeHead(404).end();
    await expect(pull()).rejects.toThrow(/answered 404/);
    await expect(pull({ hub: 'http://127.0.0.1:9999' })).rejects.toThrow(
      /^The download from 127\.0\.0\.1:9999 failed: .*ECONNREFUSED/,
    );
  });

  it('says that its folder cannot be written to', async () => {
    await writeFile(join(folder, 'models'), 'no folder');
    await expect(pull()).rejects.toMatchObject({ code: 'data_unwritable' });
    expect(requests).toHaveLength(0);
  });

  it('goes through the proxy that HTTPS_PROXY names', async () => {
    const settings = loadSettings(testWorld({ env: { HTTPS_PROXY: hub, CURATE_HOME: folder } }));
    const asked: string[] = [];
    server.on('connect', (request, socket) => {
      asked.push(request.url ?? '');
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    const proxied = await proxiedFetch(testWorld(), settings);
    await expect(pull({ hub: 'https://hub.invalid', fetch: proxied })).rejects.toThrow(
      /The download from hub\.invalid failed/,
    );
    expect(asked).toEqual(['hub.invalid:443']);
  });
});
