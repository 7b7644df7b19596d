import { randomUUID } from 'node:crypto';
import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { metadataOf } from '../../src/picture/segments.ts';
import { cat, fixtures, readLineage, Studio } from './comic-support.ts';

const panda = join(fixtures, 'queries', 'panda.jpg');
let studio: Studio;
let comic: string;
beforeAll(async () => {
  studio = await Studio.open();
});
beforeEach(async () => {
  await studio.fresh();
  const made = await studio.json(['comic', cat, 'A comic', '--refs', '2', '--ref', panda, '--yes']);
  comic = made.pictures[0]?.path ?? '';
});
afterAll(() => studio.close());

/** The pictures that a turn sent, as bytes. */
function picturesIn(index: number): Buffer[] {
  const content = studio.fake.received[index]?.turn?.input.flatMap((message) => message.content) ?? [];
  return content.flatMap((part) =>
    part.type === 'input_image' ? [Buffer.from(part.image_url.split(',')[1] ?? '', 'base64')] : [],
  );
}

describe('refine', () => {
  it('starts a conversation with the picture and its photos, and then goes on from it', async () => {
    const first = await studio.json(['refine', comic, 'make the cat orange', '--yes']);
    expect(first).toMatchObject({ schema: 'curate.refine/1', exit: 0 });
    expect(picturesIn(1)).toHaveLength(3);
    for (const bytes of picturesIn(1)) expect(metadataOf(bytes)).toEqual([]);
    expect(first.references.map(({ role }) => role)).toEqual(['picture', 'query', 'reference']);

    const second = await studio.json(['refine', first.pictures[0]?.path ?? '', 'and the sky green', '--yes']);
    const [one, two] = await Promise.all([first, second].map(({ lineage }) => readLineage(lineage[0])));
    expect(studio.fake.received[2]?.turn?.previous_response_id).toBe(one?.responseIds[0]);
    expect(picturesIn(2)).toEqual([]);
    expect(two).toMatchObject({
      verb: 'refine',
      prompt: 'and the sky green',
      text: 'and the sky green',
      api: 'responses',
      parent: { path: 'make-the-cat-orange.png', sha256: one?.picture.sha256 },
      references: [],
      previousResponseId: one?.responseIds[0],
    });
    expect(second.cost.actualUsd).toBeGreaterThan(0);
  });

  it('keeps the size and quality of the picture unless told otherwise', async () => {
    await studio.run(['comic', cat, 'tall', '--refs', '1', '--yes', '--size', '1024x1536', '--quality', 'low']);
    await studio.run(['refine', 'tall.png', 'redder', '--yes']);
    await studio.run(['refine', 'tall.png', 'redder still', '--yes', '--quality', 'high']);
    const tools = studio.fake.received.slice(2).map(({ turn }) => turn?.tools[0]);
    expect(tools).toMatchObject([
      { type: 'image_generation', model: 'gpt-image-2', size: '1024x1536', quality: 'low' },
      { size: '1024x1536', quality: 'high' },
    ]);
  });

  it('sends the picture and its photos again when the server has forgotten, and says so', async () => {
    const first = await studio.json(['refine', comic, 'one', '--yes']);
    studio.fake.forget();
    const { code, stderr } = await studio.run(['refine', first.pictures[0]?.path ?? '', 'two', '--yes']);
    expect(code).toBe(0);
    expect(stderr).toContain('A new one starts from the picture and its photos.');
    expect(studio.fake.received.map(({ status }) => status)).toEqual([200, 200, 400, 200]);
    expect(picturesIn(3)).toHaveLength(3);
    // What leaves the machine is announced before each of the two requests.
    expect(stderr.match(/Goes to an OpenAI-compatible server/g)).toHaveLength(2);
  });

  it('edits the last picture with the same photos when stateless', async () => {
    const { code } = await studio.run(['refine', comic, 'stateless', '--stateless', '--yes']);
    expect(code).toBe(0);
    const [before, after] = studio.fake.received.map(({ form }) => form?.parts ?? []);
    expect(studio.fake.received[1]?.path).toBe('/v1/images/edits');
    expect(after).toHaveLength(3);
    for (const [i, part] of (before ?? []).entries()) expect(after?.[i + 1]?.bytes.equals(part.bytes)).toBe(true);
  });

  it('streams', async () => {
    const { code, stderr } = await studio.run(['refine', comic, 'streamed', '--stream', '--yes']);
    expect(code).toBe(0);
    expect(stderr).toContain('streamed.partial-2.png');
  });

  it('finds the lineage from the lineage file, from a renamed copy, and from the sha256', async () => {
    const { picture } = await readLineage(`${comic}.json`);
    await cp(comic, join(studio.folder, 'copy.png'));
    for (const name of [`${comic}.json`, 'copy.png', picture.sha256]) {
      const { code, stderr } = await studio.run([
        'refine',
        name,
        `from ${name}`,
        '--stateless',
        '--yes',
        '--out',
        'r/',
      ]);
      expect(code, stderr).toBe(0);
    }
  });

  it('says of a picture it does not know, or that was changed, how to go on', async () => {
    await writeFile(join(studio.folder, 'other.png'), 'not made by curate');
    for (const name of ['other.png', 'nothing.png']) {
      const { code, stderr } = await studio.run(['refine', name, 'x', '--yes']);
      expect(code).toBe(1);
      expect(stderr).toMatch(/lineage|no file/);
    }
    await writeFile(comic, 'changed');
    expect((await studio.run(['refine', `${comic}.json`, 'x', '--yes'])).stderr).toContain(
      'gone, or was changed since',
    );
    expect(studio.fake.received).toHaveLength(1);
  });

  it('leaves out a photo that is gone, and says so', async () => {
    await cp(panda, join(studio.folder, 'mine.jpg'));
    await studio.run(['comic', cat, 'with mine', '--refs', '2', '--ref', 'mine.jpg', '--yes']);
    await rm(join(studio.folder, 'mine.jpg'));
    const made = await studio.json(['refine', 'with-mine.png', 'without', '--yes']);
    expect(made.references).toContainEqual(expect.objectContaining({ used: false, reason: 'it does not exist' }));
    expect(picturesIn(2)).toHaveLength(2);
  });

  it('does not send the picture either once it lies in a private folder', async () => {
    await writeFile(join(studio.folder, '.curateprivate'), '*.png\n');
    const { code, stderr } = await studio.run(['refine', comic, 'x', '--yes']);
    expect([code, studio.fake.received.length]).toEqual([4, 1]);
    expect(stderr).toContain('is private');
    expect((await studio.run(['refine', comic, 'x', '--dry-run'])).code).toBe(4);
    await writeFile(join(studio.folder, '.curateprivate'), '!*\n');
    expect((await studio.run(['refine', comic, 'x', '--yes'])).code).toBe(0);
  });

  it('rehearses without a key', async () => {
    const made = await studio.json(['refine', comic, 'x', '--dry-run', '--out', 'dry'], {
      env: { OPENAI_API_KEY: '' },
    });
    expect(made).toMatchObject({ exit: 0, dryRun: true, folder: join(studio.folder, 'dry') });
    expect(studio.fake.received).toHaveLength(1);
  });
});

describe('replay', () => {
  /** Header fields aside, everything that was sent. */
  const sent = (index: number): unknown => {
    const { path, form, turn } = studio.fake.received[index] ?? {};
    return { path, fields: [...(form?.fields ?? [])].sort(), parts: form?.parts, turn };
  };

  it('makes a request equal to the first, field by field and part by part', async () => {
    const args = ['--n', '2', '--size', '1536x1024', '--quality', 'low', '--format', 'webp', '--background', 'opaque'];
    const made = await studio.json(['comic', cat, 'again\nand again', '--refs', '2', '--ref', panda, '--yes', ...args]);
    const again = await studio.json(['replay', made.lineage[1] ?? '', '--yes']);
    expect(again).toMatchObject({ schema: 'curate.replay/1', exit: 0 });
    expect(sent(2)).toEqual(sent(1));
    expect(again.pictures).toHaveLength(2);
    expect(await readLineage(again.lineage[0])).toMatchObject({ verb: 'replay', prompt: 'again\nand again' });
  });

  it('repeats a turn of a conversation, too, and a streamed request', async () => {
    const refined = await studio.json(['refine', comic, 'once more', '--yes', '--stream']);
    await studio.run(['replay', refined.lineage[0] ?? '', '--yes']);
    expect(sent(2)).toEqual(sent(1));
  });

  it('can be replayed from wherever it is', async () => {
    await cp(panda, join(studio.folder, 'mine.jpg'));
    await studio.run(['comic', 'mine.jpg', 'relative', '--refs', '1', '--yes']);
    const { code } = await studio.run(['replay', join(studio.folder, 'relative.png.json'), '--yes'], {
      cwd: studio.home.path,
    });
    expect(code).toBe(0);
    expect(sent(2)).toEqual(sent(1));
  });

  it('refuses when a photo was changed or is gone', async () => {
    await cp(panda, join(studio.folder, 'mine.jpg'));
    await studio.run(['comic', 'mine.jpg', 'changing', '--refs', '1', '--yes']);
    await cp(cat, join(studio.folder, 'mine.jpg'));
    const changed = await studio.run(['replay', 'changing.png.json', '--yes']);
    expect([changed.code, changed.stderr]).toEqual([1, expect.stringContaining('mine.jpg was changed since')]);
    await rename(join(studio.folder, 'mine.jpg'), join(studio.folder, 'elsewhere.jpg'));
    const gone = await studio.run(['replay', 'changing.png.json', '--yes']);
    expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining('mine.jpg does not exist')]);
    expect(studio.fake.received).toHaveLength(2);
  });

  it('gives nothing up for a budget: it is the same request or none', async () => {
    const { code, stderr } = await studio.run(['replay', comic, '--max-cost', '0.001']);
    expect([code, stderr]).toEqual([4, expect.stringContaining('it would cost about')]);
  });

  it('says what is wrong with a file that is no lineage', async () => {
    await writeFile(join(studio.folder, 'x.json'), '{"schema":"curate.lineage/1"}');
    const { code, stderr } = await studio.run(['replay', 'x.json', '--yes']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('is not a lineage file')]);
  });
});

describe('lineage and costs', () => {
  it('prints the tree of ancestors and photos', async () => {
    await studio.run(['refine', comic, 'orange', '--yes']);
    await studio.run(['refine', 'orange.png', 'at night', '--yes']);
    const { code, stdout } = await studio.run(['lineage', 'at-night.png']);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.replace(/ {2}1024x1024,.*/, ''))).toEqual([
      'at-night.png',
      '  "at night"',
      '└─ orange.png',
      '     "orange"',
      `   ├─ ${cat}  (query)`,
      `   ├─ ${panda}  (reference)`,
      '   └─ a-comic.png',
      '        "A comic"',
      `      ├─ ${cat}  (query)`,
      `      └─ ${panda}  (reference)`,
    ]);
    const json = await studio.json<{ schema: string; verb: string; ancestors: { verb: string }[] }>([
      'lineage',
      'at-night.png',
    ]);
    expect([json.schema, json.verb, json.ancestors.map(({ verb }) => verb)]).toEqual([
      'curate.lineage/1',
      'refine',
      ['refine', 'comic'],
    ]);
  });

  it('marks photos that were changed or are gone', async () => {
    await cp(panda, join(studio.folder, 'a.jpg'));
    await cp(join(fixtures, 'queries', 'castle.jpg'), join(studio.folder, 'b.jpg'));
    await studio.run(['comic', cat, 'marks', '--refs', '3', '--ref', 'a.jpg', '--ref', 'b.jpg', '--yes']);
    await writeFile(join(studio.folder, 'a.jpg'), 'x');
    await rm(join(studio.folder, 'b.jpg'));
    const { stdout } = await studio.run(['lineage', 'marks.png']);
    expect(stdout).toMatch(/a\.jpg {2}\(reference, changed\).*\n.*b\.jpg {2}\(reference, gone\)/);
  });

  it('sums the costs of a folder by day and model', async () => {
    await studio.run([
      'comic',
      cat,
      'two',
      '--refs',
      '1',
      '--yes',
      '--image-model',
      'gpt-image-2.6-flare',
      '--out',
      'sub/',
    ]);
    // A picture that was handed on with its lineage was paid for once.
    await cp(join(studio.folder, 'sub'), join(studio.folder, 'copy'), { recursive: true });
    const sums = await studio.json<{
      schema: string;
      days: { day: string; model: string; pictures: number; usd: number }[];
      total: { pictures: number; usd: number; unknown: number };
    }>(['costs']);
    expect(sums.schema).toBe('curate.costs/1');
    expect(sums.days.map(({ model, pictures }) => [model, pictures])).toEqual([
      ['gpt-image-2', 1],
      ['gpt-image-2.6-flare', 1],
    ]);
    expect(sums.total).toMatchObject({ pictures: 2, unknown: 0 });
    expect(sums.total.usd).toBeCloseTo(
      sums.days.reduce((sum, { usd }) => sum + usd, 0),
      6,
    );
    const { stdout } = await studio.run(['costs']);
    expect(stdout).toMatch(/Total +2 +2 +\$0\.\d{3}/);
  });

  it('tells of a request without a reply once, and not where a picture tells of it', async () => {
    const { usage: _, responseIds: __, picture: ___, ...asked } = await readLineage(`${comic}.json`);
    const failed = {
      ...asked,
      schema: 'curate.failed/1',
      error: { code: 'unanswered', message: 'killed' },
      billing: 'may have been billed',
      arrived: [],
    };
    const other = { ...failed, request: { ...failed.request, id: randomUUID() } };
    await writeFile(join(studio.folder, 'answered.unanswered.json'), JSON.stringify(failed));
    await writeFile(join(studio.folder, 'other.unanswered.json'), JSON.stringify(other));
    const sums = await studio.json<{ failed: { file: string }[] }>(['costs']);
    expect(sums.failed).toMatchObject([{ file: join(studio.folder, 'other.unanswered.json') }]);
  });

  it('leaves the returned picture as it came', async () => {
    const [{ status } = { status: 0 }] = studio.fake.received;
    expect(status).toBe(200);
    const { picture } = await readLineage(`${comic}.json`);
    expect((await readFile(comic)).length).toBe(picture.bytes);
  });
});
