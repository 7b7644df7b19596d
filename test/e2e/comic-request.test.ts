import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { metadataOf } from '../../src/picture/segments.ts';
import { refuse } from '../fake-openai/behaviour.ts';
import type { PictureJson } from '../support/darkroom.ts';
import { cat, fixtures, readLineage, Studio } from './comic-support.ts';

let studio: Studio;
beforeAll(async () => {
  studio = await Studio.open();
});
beforeEach(() => studio.fresh());
afterAll(() => studio.close());

/** One photo, named: nothing is searched and no index is needed. */
const one = (...more: string[]): string[] => ['comic', cat, 'A cat, in four panels!', '--refs', '1', '--yes', ...more];

describe('a picture', () => {
  it('is written beside its lineage, its path alone on standard output', async () => {
    const { code, stdout, stderr } = await studio.spawn(one());
    expect(code).toBe(0);
    const picture = join(studio.folder, 'a-cat-in-four-panels.png');
    expect(stdout).toBe(`${picture}\n`);
    expect(await readdir(studio.folder)).toEqual(['a-cat-in-four-panels.png', 'a-cat-in-four-panels.png.json']);
    expect(stderr).toMatch(/Goes to an OpenAI-compatible server: 1 picture, .* as JPEG without metadata/);
    expect(stderr).toContain(cat);
    expect(stderr).toMatch(/Costs: about \$0\.05/);
    expect(stderr).toMatch(/Cost: \$0\.06\d \(estimated/);
  });

  it('comes with everything needed to make it again', async () => {
    const made = await studio.json(one());
    expect(made).toMatchObject({ schema: 'curate.comic/1', exit: 0, dryRun: false, model: 'gpt-image-2' });
    const lineage = await readLineage(made.lineage[0]);
    const [received] = studio.fake.received;
    const [part] = received?.form?.parts ?? [];
    expect(lineage).toMatchObject({
      schema: 'curate.lineage/1',
      verb: 'comic',
      prompt: 'A cat, in four panels!',
      text: made.text,
      model: 'gpt-image-2',
      endpoint: 'compatible',
      api: 'images.edit',
      parameters: { size: '1024x1024', quality: 'medium', n: 1, output_format: 'png' },
      parent: null,
      requestIds: ['req_1'],
      usage: made.usage,
      cost: made.cost,
    });
    expect(lineage.references).toEqual([
      expect.objectContaining({ path: cat, role: 'query', sentBytes: part?.bytes.length, reason: 'query' }),
    ]);
    const { path, ...facts } = made.pictures[0] ?? { path: '' };
    expect(lineage.picture).toEqual({ path: 'a-cat-in-four-panels.png', ...facts });
    expect(metadataOf(part?.bytes ?? Buffer.alloc(0))).toEqual([]);
    const fields = Object.fromEntries(received?.form?.fields ?? []);
    expect(fields.prompt).toBe(lineage.text);
    expect(lineage.text.endsWith('\n\nA cat, in four panels!')).toBe(true);
  });

  it('tells neither the key nor the server in any file or line', async () => {
    const { stdout, stderr } = await studio.run(one());
    const files = await readdir(studio.folder);
    const texts = await Promise.all(files.map((name) => readFile(join(studio.folder, name), 'latin1')));
    for (const text of [...texts, stdout, stderr]) {
      expect(text).not.toContain(studio.fake.key);
      expect(text).not.toContain('127.0.0.1');
    }
  });

  it('keeps relative paths relative, so that a lineage tells nothing of the machine', async () => {
    await mkdir(join(studio.folder, 'in'));
    await writeFile(join(studio.folder, 'in', 'mine.jpg'), await readFile(cat));
    const made = await studio.json(['comic', 'in/mine.jpg', 'x', '--refs', '1', '--yes', '--out', 'made/here.png']);
    expect(await readFile(made.lineage[0] ?? '', 'utf8')).not.toContain(studio.home.path);
    expect((await readLineage(made.lineage[0])).references[0]?.path).toBe('../in/mine.jpg');
  });

  it('comes several times over with --n, each with a lineage, counted as one request', async () => {
    const made = await studio.json(one('--n', '3'));
    expect(made.pictures.map(({ path }) => path.split('/').pop())).toEqual(
      [1, 2, 3].map((i) => `a-cat-in-four-panels-${i}.png`),
    );
    expect(new Set(made.pictures.map(({ sha256 }) => sha256)).size).toBe(3);
    const costs = await studio.json<{ total: { pictures: number; requests: number; usd: number } }>(['costs']);
    expect(costs.total).toMatchObject({ pictures: 3, requests: 1, usd: made.cost.actualUsd });
  });

  it.each([
    ['poster.jpg', 'jpeg'],
    ['poster.webp', 'webp'],
  ])('is %s when --out says so', async (name, format) => {
    const made = await studio.json(one('--out', name));
    expect(made.pictures[0]?.path).toBe(join(studio.folder, name));
    expect(Object.fromEntries(studio.fake.received[0]?.form?.fields ?? []).output_format).toBe(format);
  });

  it('is never written over another', async () => {
    const first = await studio.json(one('--out', 'mine.png'));
    const refused = await studio.run(one('--out', 'mine.png'));
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('exists already');
    expect(studio.fake.received).toHaveLength(1);
    const derived = await studio.json(one());
    const again = await studio.json(one());
    expect(again.pictures[0]?.path).toBe(derived.pictures[0]?.path.replace('.png', '-2.png'));
    const forced = await studio.json(one('--out', 'mine.png', '--force'));
    expect(forced.pictures[0]?.sha256).not.toBe(first.pictures[0]?.sha256);
  });
});

describe('the prompt', () => {
  const sent = (): string => Object.fromEntries(studio.fake.received[0]?.form?.fields ?? []).prompt ?? '';

  it('comes from a file, from standard input, or from the examples', async () => {
    await writeFile(join(studio.folder, 'idea.txt'), 'From a file,\nin two lines.\n');
    const to = ['--refs', '1', '--yes', '--raw', '--json'];
    await studio.run(['comic', cat, '--prompt-file', 'idea.txt', ...to]);
    expect(sent()).toBe('From a file,\nin two lines.');
    studio.fake.reset();
    await studio.spawn(['comic', cat, '-', ...to], { input: 'From a pipe\n' });
    expect(sent()).toBe('From a pipe');
    studio.fake.reset();
    await studio.run(['comic', cat, '--example', 'woodcut', ...to]);
    expect(sent()).toContain('woodcut print');
  });

  it('is text: a picture in its place, or a folder, is not sent', async () => {
    for (const [file, reason] of [
      [cat, /is no text in UTF-8/],
      [fixtures, /it is a folder/],
      ['nothing.txt', /it does not exist/],
    ] as const) {
      const { code, stderr } = await studio.run(['comic', cat, '--prompt-file', file, '--refs', '1', '--yes']);
      expect(code).toBe(1);
      expect(stderr).toMatch(reason);
    }
    expect(studio.fake.received).toHaveLength(0);
  });

  it.each([
    [['comic', cat], /no prompt/],
    [['comic', cat, 'x', '--example', 'noir'], /more than one prompt/],
    [['comic', cat, '--example', 'nothing'], /four-panels/],
    [['comic', cat, ' '], /empty/],
    [['comic', cat, 'x'.repeat(33_000), '--refs', '1', '--yes'], /too long/],
  ])('missing or wrong is usage', async (args, message) => {
    const { code, stderr } = await studio.run(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(studio.fake.received).toHaveLength(0);
  });
});

describe('before any request', () => {
  it.each([
    [['--size', '1000x1000'], 2, /multiples of 16/],
    [['--size', '512x512'], 2, /pixels/],
    [['--quality', 'best'], 2, /Allowed choices/],
    [['--background', 'transparent'], 2, /transparent/],
    [['--image-model', 'gpt-image-1'], 2, /ended on 2026-10-23/],
    [['--image-model', 'gpt-4o'], 2, /gpt-image models do/],
    [['--out', 'x.gif'], 2, /none of \.png/],
    [['--out', 'x.png', '--format', 'webp'], 2, /do not agree/],
    [['--n', '11'], 2, /1 to 10/],
    [['--refs', '2', '--after', '2025', '--before', '2024'], 2, /both after/],
    [['--ref', join(fixtures, 'broken', 'truncated.jpg'), '--refs', '2'], 1, /is cut short/],
    [['--ref', cat.replace('cat', 'panda')], 2, /2 photos are named for 1 places/],
  ])('%j ends with %i', async (flags, exit, message) => {
    const { code, stderr } = await studio.run(one(...flags));
    expect(stderr).toMatch(message);
    expect(code).toBe(exit);
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
    expect(studio.fake.received).toHaveLength(0);
  });

  it('asks for the key, and says how to continue without one', async () => {
    const { code, stderr } = await studio.run(one(), { env: { OPENAI_API_KEY: '' } });
    expect([code, studio.fake.received.length]).toEqual([1, 0]);
    expect(stderr).toMatch(/OPENAI_API_KEY is not set.*\n.*--dry-run/);
  });

  it('does not spend without being told to where nobody can be asked', async () => {
    const args = one().filter((arg) => arg !== '--yes');
    const refused = await studio.json<{ error: { code: string; hint: string } }>(args);
    expect(refused).toMatchObject({ exit: 4, error: { code: 'not_confirmed' } });
    expect(studio.fake.received).toHaveLength(0);
    expect((await studio.run([...args, '--max-cost', '0.20'])).code).toBe(0);
  });

  it('refuses what the budget does not allow', async () => {
    const { code, stderr } = await studio.run(one('--max-cost', '0.001'));
    expect([code, studio.fake.received.length]).toEqual([4, 0]);
    expect(stderr).toMatch(/after dropping quality from medium to low: it would still cost about \$0\.0/);
  });

  it('does not advise a higher budget where the cost is unknown', async () => {
    const { code, stderr } = await studio.run(one('--size', 'auto', '--max-cost', '1'));
    expect([code, studio.fake.received.length]).toEqual([4, 0]);
    expect(stderr).toMatch(/A budget of \$1 cannot be kept: .* the size is left to the model/);
    expect(stderr).not.toContain('Raise');
  });

  it('lowers the quality to keep the budget, and says so', async () => {
    const made = await studio.json(one('--quality', 'high', '--max-cost', '0.08'));
    expect(made.dropped).toEqual(['quality from high to medium']);
    expect(Object.fromEntries(studio.fake.received[0]?.form?.fields ?? []).quality).toBe('medium');
  });
});

describe('a request is paid once', () => {
  it('to a server that stalls goes one POST, and the error says that it may have been billed', async () => {
    studio.fake.next.push({ kind: 'stall' });
    const { code, stderr } = await studio.run(one('--timeout', '2', '--retries', '5'));
    expect(code).toBe(1);
    expect(stderr).toContain('may have been billed');
    expect(studio.fake.received).toHaveLength(1);
  });

  it('after a 429 with Retry-After goes one more', async () => {
    studio.fake.next.push(refuse('rate-limit', { retryAfter: '1' }));
    const { code, stderr } = await studio.run(one());
    expect(code).toBe(0);
    expect(stderr).toContain('asks to wait 1 s');
    expect(studio.fake.received.map(({ status }) => status)).toEqual([429, 200]);
  });

  it.each([
    ['moderation', /stage: input; categories: violence, hate/],
    ['wrong-key', /does not accept the API key/],
    ['not-verified', /verified/],
    ['no-credit', /no credit/],
    ['billing-limit', /limit/],
    ['model-gone', /does not have this model/],
    ['server', /status 500/],
    ['rate-limit', /limiting the rate/],
  ] as const)('%s sees one request and is told in two lines', async (kind, message) => {
    studio.fake.next.push(refuse(kind, { echo: studio.fake.key }));
    const { code, stdout, stderr } = await studio.run(one('--json'));
    expect(code).toBe(1);
    expect(studio.fake.received).toHaveLength(1);
    const document = JSON.parse(stdout) as { schema: string; error: { message: string; hint: string } };
    expect(document.schema).toBe('curate.error/1');
    expect(document.error.message).toMatch(message);
    expect(document.error.hint).toBeTruthy();
    expect(stderr.split('\n').filter((line) => /^(curate:| {2}\w)/.test(line)).length).toBeGreaterThanOrEqual(2);
    expect(stdout + stderr).not.toContain(studio.fake.key);
    // What the server may have made all the same is on record.
    expect(await readdir(studio.folder)).toEqual(kind === 'server' ? ['a-cat-in-four-panels.failed.json'] : []);
  });

  it('ends with 130 on Ctrl-C, saying that it may have been billed', async () => {
    studio.fake.next.push({ kind: 'stall' });
    const { code, stderr } = await studio.spawn(one(), {
      during: (child) => {
        const watch = setInterval(() => {
          if (studio.fake.received.length === 0) return;
          clearInterval(watch);
          child.kill('SIGINT');
        }, 50);
      },
    });
    expect(code).toBe(130);
    expect(stderr).toContain('may have been billed');
    expect(studio.fake.received).toHaveLength(1);
  });
});

describe('a reply that is not whole', () => {
  it.each([
    ['html', [], /a web page/, ['.failed-1.html', '.failed.json']],
    ['cut', [], /broke before the reply was whole/, ['.failed-1.txt', '.failed.json']],
    ['bad-picture', [], /damaged/, ['.failed-1.png', '.failed.json']],
    [
      'cut-stream',
      ['--stream'],
      /ended without the finished picture/,
      ['.failed-1.png', '.failed-2.png', '.failed.json', '.partial-1.png', '.partial-2.png'],
    ],
  ] as const)('%s %j is an error; what arrived is kept with the reason', async (kind, flags, message, kept) => {
    studio.fake.next.push({ kind });
    const { code, stdout, stderr } = await studio.run(one(...flags));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(message);
    expect((await readdir(studio.folder)).map((name) => name.replace('a-cat-in-four-panels', ''))).toEqual(kept);
    const reason = JSON.parse(
      await readFile(join(studio.folder, 'a-cat-in-four-panels.failed.json'), 'utf8'),
    ) as PictureJson;
    expect(reason).toMatchObject({ schema: 'curate.failed/1', error: { message: expect.stringMatching(message) } });
  });
});

describe('a hostile name', () => {
  it('drives neither the terminal nor the page', async () => {
    const name = 'a\u001b[31m<img src=x onerror=alert(1)>\n"b".jpg';
    await writeFile(join(studio.folder, name), await readFile(cat));
    const { code, stderr } = await studio.run([
      'comic',
      name,
      '<b>bold</b>',
      '--refs',
      '1',
      '--dry-run',
      '--out',
      'dry',
    ]);
    expect(code).toBe(0);
    expect(stderr).not.toContain('\u001b');
    const page = await readFile(join(studio.folder, 'dry', 'index.html'), 'utf8');
    expect(page).not.toMatch(/<img src=x|<b>bold/);
    expect(page).toContain('&lt;b&gt;bold&lt;/b&gt;');
  });
});

describe('other servers', () => {
  it('are reached through HTTPS_PROXY, and it is told when the proxy refuses', async () => {
    const asked: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (request, socket) => {
      asked.push(request.url ?? '');
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { port } = proxy.address() as AddressInfo;
    const env = { OPENAI_BASE_URL: 'https://pictures.example/v1', HTTPS_PROXY: `http://127.0.0.1:${port}` };
    const { code, stderr } = await studio.run(one(), { env });
    proxy.close();
    expect(asked).toEqual(['pictures.example:443']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('the proxy of HTTPS_PROXY refused. Nothing was sent.')]);
  });

  it('streams partial pictures beside the output', async () => {
    const { code, stderr } = await studio.run(one('--stream'));
    expect(code).toBe(0);
    expect(stderr).toMatch(/Partial picture 1: .*a-cat-in-four-panels\.partial-1\.png/);
    expect(await readdir(studio.folder)).toEqual([
      'a-cat-in-four-panels.partial-1.png',
      'a-cat-in-four-panels.partial-2.png',
      'a-cat-in-four-panels.png',
      'a-cat-in-four-panels.png.json',
    ]);
  });

  it('works with Azure', async () => {
    const env = {
      AZURE_OPENAI_ENDPOINT: studio.fake.origin,
      AZURE_OPENAI_API_KEY: studio.fake.key,
      AZURE_OPENAI_DEPLOYMENT: 'pictures',
      OPENAI_API_KEY: '',
    };
    const made = await studio.json(one(), { env });
    expect(made.exit).toBe(0);
    expect(studio.fake.received[0]?.path).toMatch(/^\/openai\/deployments\/pictures\/images\/edits\?api-version=/);
    expect((await readLineage(made.lineage[0])).endpoint).toBe('azure');
  });

  it('warns of a model that ends soon or is unknown, and sends the one that was named', async () => {
    const { stderr } = await studio.run(one('--image-model', 'gpt-image-2.6-flare'));
    expect(stderr).toMatch(/Costs: unknown, because how many tokens/);
    expect(Object.fromEntries(studio.fake.received[0]?.form?.fields ?? []).model).toBe('gpt-image-2.6-flare');
    const other = await studio.run(one('--image-model', 'my-model'));
    expect(other.stderr).toContain('is not in the table of');
    expect(other.stderr).toContain('does not have this model');
  });
});
