import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttp2Server, createSecureServer } from 'node:http2';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadSettings } from '../../src/settings.ts';
import { connectLite } from '../../src/store/lite/connect.ts';
import { openLine } from '../../src/store/milvus/client.ts';
import { parseEndpoint } from '../../src/store/milvus/endpoint.ts';
import { whyRefused } from '../../src/store/milvus/refusal.ts';
import { milvusStore } from '../../src/store/milvus/store.ts';
import { readTls, type Tls } from '../../src/store/milvus/tls.ts';
import { authority, type Certified, selfSigned } from '../support/certificates.ts';
import { type LiteHome, liteHome } from '../support/lite.ts';
import { type TlsDoor, tlsDoor } from '../support/tls-door.ts';
import { testWorld } from '../support/world.ts';

let home: LiteHome;
let socket: string;
let token: string;
const doors: TlsDoor[] = [];
const warnings: string[] = [];
const noteWarning = (warning: Error): number => warnings.push(warning.message);
beforeAll(async () => {
  process.on('warning', noteWarning);
  home = await liteHome();
  const lite = await connectLite(home.world, home.paths, () => undefined);
  socket = lite.address.replace(/^unix:/, '');
  token = lite.token;
});
afterAll(async () => {
  process.off('warning', noteWarning);
  for (const door of doors) door.close();
  await home.remove();
});

/** What a look at the server tells, which is taken when a call fails. */
const refusalAt = (port: number, tls: Tls | null) =>
  whyRefused(parseEndpoint(`https://127.0.0.1:${port}`, token, {}, tls), new Date());

const ours = authority('Our Authority');
const theirs = authority('Their Authority');
const HOUR_MS = 3_600_000;
const here = { hosts: ['127.0.0.1', 'localhost'] };
const nas = ours.issue('nas', here);

/** A door to Milvus Lite with a certificate. */
async function behind({ cert, key }: Certified, options: TlsOptions = {}): Promise<number> {
  const door = await tlsDoor(socket, { cert, key, ...options });
  doors.push(door);
  return door.port;
}

async function librariesAt(uri: string, tls: Tls | null, world = testWorld()): Promise<unknown> {
  const line = openLine(parseEndpoint(uri, token, {}, tls), { world, patienceMs: 1_000 });
  try {
    return await milvusStore(line).libraries();
  } finally {
    await line.close();
  }
}

const shows = ({ cert, key }: Certified): Tls => ({ ca: ours.cert, cert, key });
const demanding = { requestCert: true, ca: ours.cert };

describe('by TLS', { timeout: 30_000 }, () => {
  test('a server whose certificate an authority of our own issued is spoken to, by address and by name', async () => {
    const port = await behind(nas);
    for (const host of ['127.0.0.1', 'localhost']) {
      expect(await librariesAt(`https://${host}:${port}`, { ca: ours.cert })).toEqual([]);
    }
    expect(warnings).toEqual([]);
  });

  test('a certificate that is signed by itself is trusted where it is named', async () => {
    const alone = selfSigned('nas', here);
    expect(await librariesAt(`https://127.0.0.1:${await behind(alone)}`, { ca: alone.cert })).toEqual([]);
  });

  test('a certificate for another name is taken under that name, by which the server is asked for', async () => {
    const asked: string[] = [];
    const SNICallback: TlsOptions['SNICallback'] = (name, done) => {
      asked.push(name);
      done(null);
    };
    const port = await behind(ours.issue('nas', { hosts: ['nas.lan'] }), { SNICallback });
    expect(await librariesAt(`https://127.0.0.1:${port}`, { ca: ours.cert, serverName: 'nas.lan' })).toEqual([]);
    expect(asked).toContain('nas.lan');
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'a server that demands a certificate gets ours, by %s',
    async (version) => {
      const port = await behind(nas, { ...demanding, maxVersion: version });
      expect(await librariesAt(`https://127.0.0.1:${port}`, shows(ours.issue('laptop')))).toEqual([]);
    },
  );

  const yesterday = new Date(Date.now() - 24 * HOUR_MS);
  const tomorrow = new Date(Date.now() + 24 * HOUR_MS);
  const refusals: [string, () => Promise<[number, Tls | null]>, string | RegExp, string | RegExp][] = [
    [
      'an authority that nobody told us of',
      async () => [await behind(nas), null],
      'was issued by "Our Authority", which this machine does not trust.',
      /^Set MILVUS_CA /,
    ],
    [
      'another authority than ours',
      async () => [await behind(nas), { ca: theirs.cert }],
      'was issued by "Our Authority", which this machine does not trust.',
      /^MILVUS_CA holds another/,
    ],
    [
      'nobody but itself',
      async () => [await behind(selfSigned('nas', here)), null],
      'is signed by itself alone.',
      /set MILVUS_CA to its file/,
    ],
    [
      'an authority, and has run out',
      async () => [await behind(ours.issue('nas', { ...here, to: yesterday })), { ca: ours.cert }],
      `ran out on ${yesterday.toISOString().slice(0, 10)}.`,
      /renew it.*date of this machine/,
    ],
    [
      'an authority for days to come',
      async () => [await behind(ours.issue('nas', { ...here, from: tomorrow })), { ca: ours.cert }],
      `is not valid before ${tomorrow.toISOString().slice(0, 10)}.`,
      /date of this machine/,
    ],
    [
      'an authority for another host',
      async () => [await behind(ours.issue('nas', { hosts: ['nas.lan'] })), { ca: ours.cert }],
      'is for nas.lan, not for 127.0.0.1.',
      /MILVUS_SERVER_NAME=nas\.lan\.$/,
    ],
  ];
  test.each(refusals)('a certificate issued by %s is refused with what helps', async (_, serve, message, hint) => {
    const [port, tls] = await serve();
    expect(await refusalAt(port, tls)).toMatchObject({
      code: 'store_certificate',
      message: `The certificate of Milvus at 127.0.0.1:${port} ${message}`,
      hint: expect.stringMatching(hint),
    });
  });

  test("which certificate ran out is told by the world's clock", async () => {
    const port = await behind(ours.issue('nas', { ...here, to: yesterday }));
    const at = (now: Date) =>
      librariesAt(`https://127.0.0.1:${port}`, { ca: ours.cert }, testWorld({ now: () => now }));
    await expect(at(new Date())).rejects.toThrow(/ ran out on /);
    await expect(at(new Date(yesterday.getTime() - HOUR_MS))).rejects.toThrow(/an authority whose own has run out/);
  });

  test('a server that demands a certificate is said to demand one, and one that refuses ours to refuse it', async () => {
    const port = await behind(nas, demanding);
    const place = `Milvus at 127.0.0.1:${port}`;
    await expect(librariesAt(`https://127.0.0.1:${port}`, { ca: ours.cert })).rejects.toMatchObject({
      code: 'store_certificate',
      message: `${place} demands a certificate of this machine.`,
      hint: expect.stringMatching(/^Set MILVUS_CERT and MILVUS_KEY /),
    });
    expect(await refusalAt(port, shows(theirs.issue('laptop')))).toMatchObject({
      code: 'store_certificate',
      message: `${place} refuses the certificate in MILVUS_CERT.`,
    });
    const old = await behind(nas, { ...demanding, maxVersion: 'TLSv1.2' });
    expect(await refusalAt(old, { ca: ours.cert })).toMatchObject({
      code: 'store_certificate',
      message: expect.stringContaining('seems to demand a certificate'),
    });
  });

  test('what a look at the server tells is the error of the call', async () => {
    const port = await behind(nas);
    await expect(librariesAt(`https://127.0.0.1:${port}`, null)).rejects.toMatchObject({
      message: `The certificate of Milvus at 127.0.0.1:${port} was issued by "Our Authority", which this machine does not trust.`,
    });
  });

  test('http to a port with TLS and https to one without are told apart', async () => {
    for (const options of [{}, demanding]) {
      const port = await behind(nas, options);
      await expect(librariesAt(`http://127.0.0.1:${port}`, null)).rejects.toMatchObject({
        code: 'store_unreachable',
        message: `What answers at 127.0.0.1:${port} speaks TLS.`,
        hint: expect.stringMatching(`^Write https://127.0.0.1:${port} in MILVUS_URI.*MILVUS_CA`),
      });
    }
    const plain = createHttp2Server().listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const { port } = plain.address() as AddressInfo;
    await expect(librariesAt(`https://127.0.0.1:${port}`, null)).rejects.toMatchObject({
      code: 'store_unreachable',
      message: `What answers at 127.0.0.1:${port} does not speak TLS.`,
      hint: expect.stringMatching(`^Write http://127.0.0.1:${port} in MILVUS_URI`),
    });
    plain.close();
  });

  test('what ends the TLS handshake without saying why is said to, once it did so twice', async () => {
    let ended = 0;
    const mute = createTcpServer((client) => {
      client.once('data', () => client.end()).on('error', () => undefined);
      ended += 1;
    }).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    await expect(librariesAt(`https://127.0.0.1:${port}`, { ca: ours.cert })).rejects.toMatchObject({
      code: 'store_unreachable',
      message: `What answers at 127.0.0.1:${port} ends the TLS handshake without saying why.`,
      hint: expect.stringMatching(/^It may demand a certificate of this machine \(MILVUS_CERT/),
    });
    expect(ended).toBeGreaterThan(2);
    expect(await refusalAt(port, shows(theirs.issue('laptop')))).toMatchObject({
      hint: expect.stringMatching(/^It may not take the certificate in MILVUS_CERT/),
    });
    // In clear, it is as silent.
    expect(await whyRefused(parseEndpoint(`http://127.0.0.1:${port}`, token), new Date())).toBeNull();
    mute.close();
  });

  test('nginx, which takes every handshake and answers with a page, is understood', async () => {
    const { cert, key } = nas;
    const web = createSecureServer({ ...demanding, cert, key, rejectUnauthorized: false }, ({ socket }, response) => {
      const shown = Object.keys((socket as TLSSocket).getPeerCertificate()).length > 0;
      const title = `400 ${shown ? 'The SSL certificate error' : 'No required SSL certificate was sent'}`;
      response.writeHead(400, { 'content-type': 'text/html' });
      response.end(`<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n</body>\r\n</html>\r\n`);
    }).listen(0, '127.0.0.1');
    await once(web, 'listening');
    const { port } = web.address() as AddressInfo;
    const place = `Milvus at 127.0.0.1:${port}`;
    for (const [tls, message] of [
      [{ ca: ours.cert }, `${place} demands a certificate of this machine.`],
      [shows(theirs.issue('laptop')), `${place} refuses the certificate in MILVUS_CERT.`],
    ] as const) {
      const refused = expect(librariesAt(`https://127.0.0.1:${port}`, tls)).rejects;
      await refused.toMatchObject({ code: 'store_certificate', message });
    }
    web.close();
  });

  test('a port with TLS that has no HTTP/2 is no Milvus', async () => {
    const port = await behind(nas, { ALPNProtocols: ['http/1.1'] });
    expect(await refusalAt(port, { ca: ours.cert })).toMatchObject({
      message: `What answers at 127.0.0.1:${port} speaks TLS, but not HTTP/2 as Milvus does.`,
    });
  });
});

describe('the files of certificates', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'curate-tls-'));
    const laptop = ours.issue('laptop');
    const der = Buffer.from(ours.cert.replace(/-----.*-----|\s/g, ''), 'base64');
    const encrypted = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n';
    const files = { 'ca.pem': ours.cert, 'laptop.pem': laptop.cert, 'laptop.key': laptop.key };
    const others = { 'ca.cer': der, 'other.key': theirs.issue('x').key, 'locked.key': encrypted, 'note.txt': 'hello' };
    for (const [name, content] of Object.entries({ ...files, ...others })) await writeFile(join(folder, name), content);
    await writeFile(join(folder, 'config.json'), '{"milvusCa": "ca.pem"}');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const read = (env: Record<string, string>) =>
    readTls(loadSettings(testWorld({ cwd: folder, home: folder, env: { CURATE_HOME: join(folder, 'none'), ...env } })));

  test('are found from the current folder, from home, and from the folder of config.json', async () => {
    for (const file of ['ca.pem', '~/ca.pem', join(folder, 'ca.pem')])
      expect(await read({ MILVUS_CA: file })).toEqual({ ca: ours.cert });
    const elsewhere = testWorld({ cwd: tmpdir(), home: tmpdir(), env: { CURATE_HOME: folder } });
    expect(await readTls(loadSettings(elsewhere))).toEqual({ ca: ours.cert });
    expect(await read({})).toBeNull();
  });

  test('may hold a certificate in DER', async () => {
    expect((await read({ MILVUS_CA: 'ca.cer' }))?.ca).toMatch(/^-----BEGIN CERTIFICATE-----/);
  });

  test.each([
    [{ MILVUS_CA: 'none.pem' }, /^MILVUS_CA, .*none\.pem, cannot be read: there is no such file\.$/],
    [{ MILVUS_CA: '.' }, /^MILVUS_CA, .*, cannot be read: it is a folder\.$/],
    [{ MILVUS_CA: 'note.txt' }, /^MILVUS_CA, .*note\.txt, cannot be used: it holds no certificate\.$/],
    [{ MILVUS_CERT: 'laptop.pem' }, /^MILVUS_KEY is not set/],
    [{ MILVUS_KEY: 'laptop.key' }, /^MILVUS_CERT is not set/],
    [{ MILVUS_CERT: 'laptop.pem', MILVUS_KEY: 'note.txt' }, /^MILVUS_KEY, .*it holds no private key in PEM\.$/],
    [{ MILVUS_CERT: 'laptop.pem', MILVUS_KEY: 'locked.key' }, /^MILVUS_KEY, .* is protected by a passphrase\.$/],
    [
      { MILVUS_CERT: 'laptop.pem', MILVUS_KEY: 'other.key' },
      /^MILVUS_CERT, .*does not belong to the key in MILVUS_KEY\.$/,
    ],
    [{ MILVUS_SERVER_NAME: 'https://nas' }, /"milvusServerName" is not valid: it must be the name of a host/],
  ])('%j is a setting to correct', async (env, message) => {
    const attempt = async () => read(env);
    await expect(attempt()).rejects.toMatchObject({
      code: 'settings',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(/MILVUS_|openssl pkey/),
    });
  });

  test.skipIf(process.getuid?.() === 0)('that we may not read are said so', async () => {
    await chmod(join(folder, 'note.txt'), 0);
    await expect(read({ MILVUS_CA: 'note.txt' })).rejects.toMatchObject({
      message: expect.stringMatching(/you may not/),
    });
  });
});
