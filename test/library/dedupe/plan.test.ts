import { createHash } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Decision, decide, forget, readDecisions } from '../../../src/library/dedupe/decisions.ts';
import type { Group, GroupPhoto } from '../../../src/library/dedupe/groups.ts';
import type { DedupePlan } from '../../../src/library/dedupe/plan.ts';
import type { DedupeRequest } from '../../../src/library/dedupe/request.ts';
import { openLevel } from '../../../src/library/index/level.ts';
import { photoId } from '../../../src/library/paths.ts';
import { dedupeDocument } from '../../../src/output/documents/dedupe.ts';
import { type RenderPhoto, renderPhoto } from '../../../src/photos/render.ts';
import { repository } from '../../support/cli.ts';
import { DedupeLibrary } from '../../support/dedupe-library.ts';
import { testModel } from '../../support/hash-embedder.ts';
import { grayTiff } from '../../support/tiff-pages.ts';

const DOG = join(repository, 'fixtures/photos/pets/dog-1.jpg');
const CAT = join(repository, 'fixtures/photos/pets/kitten-1.jpg');
const NOON = Date.UTC(2024, 5, 1, 12);

let library: DedupeLibrary;
let home: string;
let photos: string;
let store: DedupeLibrary['store'];
beforeEach(async () => {
  library = await DedupeLibrary.make();
  ({ home, photos, store } = library);
});
afterEach(() => library.remove());

const put: DedupeLibrary['put'] = (...known) => library.put(...known);
const indexed: DedupeLibrary['indexed'] = (...known) => library.indexed(...known);
const plan: DedupeLibrary['plan'] = (...request) => library.plan(...request);

/** `kind: keeper < other other`, names relative to the library. */
const short = ({ groups }: DedupePlan): string[] =>
  groups.map(
    ({ kind, keeper, others }) =>
      `${kind}: ${[keeper, ...others].map(({ file }) => file.slice(photos.length + 1)).join(' < ')}`,
  );

const resized = (from: string, width: number): Promise<Buffer> => sharp(from).resize(width).jpeg().toBuffer();
const cropped = async (from: string, share: number): Promise<Buffer> => {
  const { width, height } = await sharp(from).metadata();
  return sharp(from)
    .extract({ left: 0, top: 0, width: Math.round(width * share), height: Math.round(height * share) })
    .jpeg()
    .toBuffer();
};

describe('the plan of what is double', () => {
  it('decodes a photo once for all that it is compared with, large or small', async () => {
    for (const width of [800, 480]) {
      const [one, other] = [library, await DedupeLibrary.make()];
      library = other;
      ({ photos } = library);
      await one.remove();
      const camera = await sharp(DOG).resize(width).jpeg({ quality: 90 }).toBuffer();
      await put('90.jpg', camera);
      for (const quality of [89, 88, 87, 86]) {
        await put(`${quality}.jpg`, await sharp(camera).jpeg({ quality }).toBuffer());
      }
      const decoded = new Map<string, number>();
      const counting: RenderPhoto = (request) => {
        decoded.set(request.file, (decoded.get(request.file) ?? 0) + 1);
        return renderPhoto(request);
      };
      const [group] = (await plan({}, counting)).groups;
      expect(group?.kind).toBe('same');
      expect([...decoded.values()]).toEqual(Array(5).fill(1));
    }
  });

  it('decodes nothing that an earlier run compared, and only what has come since', async () => {
    const decoded: string[] = [];
    const noting: RenderPhoto = (request) => {
      decoded.push(basename(request.file));
      return renderPhoto(request);
    };
    await put('dog.jpg', DOG);
    await put('small.jpg', await resized(DOG, 480));
    await put('crop.jpg', await cropped(DOG, 0.98), { angle: 3 });
    const first = await library.planAgain({}, noting);
    expect(first.groups.map(({ kind }) => kind)).toEqual(['same', 'similar']);
    expect(decoded.length).toBeGreaterThan(0);
    decoded.length = 0;
    expect(await library.planAgain({}, noting)).toMatchObject({ groups: first.groups });
    expect(decoded).toEqual([]);
    await put('tiny.jpg', await resized(DOG, 400));
    expect(short(await library.planAgain({}, noting))).toContain('same: dog.jpg < small.jpg < tiny.jpg');
    expect(decoded).toContain('tiny.jpg');
    decoded.length = 0;
    await put('small.jpg', await sharp(DOG).flop().resize(480).jpeg().toBuffer());
    expect(short(await library.planAgain({}, noting))).toContain('same: dog.jpg < tiny.jpg');
    expect(decoded).toContain('small.jpg');
  });

  it('keeps nothing of a pair whose close look failed, and finds it the next time', async () => {
    await put('dog.jpg', DOG);
    await put('again.jpg', await sharp(DOG).jpeg({ quality: 60 }).toBuffer());
    const decoded = new Set<string>();
    const failing: RenderPhoto = async (request) => {
      if (decoded.has(request.file)) return { kind: 'fault', fault: { code: 'unreadable', reason: 'is away' } };
      decoded.add(request.file);
      const rendered = await renderPhoto(request);
      if (rendered.kind === 'fault') return rendered;
      const { luma: _, ...print } = rendered;
      return print;
    };
    expect(short(await library.planAgain({}, failing))).toEqual(['similar: dog.jpg < again.jpg']);
    expect(short(await library.planAgain())).toEqual(['same: dog.jpg < again.jpg']);
  });

  it('compares all where another run has what was compared, and where that is damaged', async () => {
    await put('dog.jpg', DOG);
    await put('small.jpg', await resized(DOG, 480));
    const folder = join(library.settings.paths.cache, 'verdicts');
    const open = await openLevel(folder);
    expect(short(await library.planAgain())).toEqual(['same: dog.jpg < small.jpg']);
    expect(await open.keys().all()).toEqual([]);
    await open.close();
    await writeFile(join(folder, 'CURRENT'), 'nonsense');
    expect(short(await library.planAgain())).toEqual(['same: dog.jpg < small.jpg']);
    const mended = await openLevel(folder);
    expect(await mended.values().all()).toEqual(['same']);
    await mended.close();
  });

  it('tells the four kinds apart', async () => {
    await put('a/dog.jpg', DOG, { takenMs: NOON, quality: 9 });
    await put('b/dog.jpg', DOG, { takenMs: NOON, quality: 9 });
    await put('dog-small.jpg', await resized(DOG, 480), { angle: 3 });
    await put('dog-crop.jpg', await cropped(DOG, 0.96), { angle: 6 });
    await put('dog-next.jpg', await cropped(DOG, 0.98), { angle: 22, takenMs: NOON + 3000 });
    await put('cat.jpg', CAT, { angle: 90 });
    const found = await plan();
    expect(short(found)).toEqual([
      'identical: a/dog.jpg < b/dog.jpg',
      'same: a/dog.jpg < dog-small.jpg',
      'burst: a/dog.jpg < dog-next.jpg',
      'similar: a/dog.jpg < dog-crop.jpg',
    ]);
    const sizes = await Promise.all(
      ['b/dog.jpg', 'dog-small.jpg', 'dog-next.jpg', 'dog-crop.jpg'].map(
        async (path) => (await stat(join(photos, path))).size,
      ),
    );
    expect(found.bytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
    expect(dedupeDocument(found, null)).toMatchObject({ schema: 'curate.dedupe/1', moved: [], undo: null });
  });

  it('takes only the same moment for the same picture, whatever the pixels say', async () => {
    await put('one.jpg', DOG, { takenMs: NOON });
    await put('two.jpg', await resized(DOG, 480), { takenMs: NOON + 4000 });
    await put('three.jpg', await resized(DOG, 470), { takenMs: NOON + 60_000 });
    // A program's or an archive's clock says nothing of the camera.
    await put('four.jpg', await resized(DOG, 460), { takenMs: NOON + 9e6, takenFrom: 'modified' });
    await put('five.jpg', await resized(DOG, 450), { takenMs: NOON + 8e6, takenFrom: 'iptc' });
    expect(short(await plan())).toEqual([
      'same: one.jpg < four.jpg < five.jpg',
      'burst: one.jpg < two.jpg',
      'similar: one.jpg < three.jpg',
    ]);
  });

  it('takes frames of a scene that does not move for no copies of each other, also without times', async () => {
    const { data, info } = await sharp(DOG).raw().toBuffer({ resolveWithObject: true });
    const { width, height, channels } = info;
    // What a sensor adds to each exposure; Numerical Recipes' linear congruential generator.
    const exposure = async (seed: number, quality: number): Promise<Buffer> => {
      let state = seed;
      const noisy = Buffer.from(data).map((value) => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return Math.max(0, Math.min(255, Math.round(value + (state / 2 ** 32 - 0.5) * 9)));
      });
      return sharp(noisy, { raw: { width, height, channels } }).jpeg({ quality }).toBuffer();
    };
    await put('1.jpg', await exposure(1, 94));
    await put('2.jpg', await exposure(2, 94));
    // By another setting of the camera.
    await put('4.jpg', await exposure(4, 97));
    expect((await plan()).groups.map(({ kind, others }) => [kind, others.length])).toEqual([['similar', 2]]);
    // Saved again in the same way, and in another.
    const other = await exposure(3, 94);
    await put('3.jpg', other, { angle: 90 });
    await put('3-again.jpg', await sharp(other).jpeg({ quality: 94 }).toBuffer(), { angle: 90 });
    await put('3-less.jpg', await sharp(other).jpeg({ quality: 70 }).toBuffer(), { angle: 90 });
    const { groups } = await plan({ kinds: ['same'] });
    expect(groups.map(({ keeper, others }) => [keeper, ...others].map(({ path }) => path).sort())).toEqual([
      ['3-again.jpg', '3-less.jpg', '3.jpg'],
    ]);
  });

  it('tells pages apart that differ in one digit of the small print, and knows one that was saved again', async () => {
    const lines = Array.from(
      { length: 24 },
      (_, i) => `<text x="30" y="${30 + i * 25}">${'A photo album. '.repeat(3 + ((i * 7) % 5))}</text>`,
    );
    const page = (total: string): Sharp =>
      sharp(
        Buffer.from(
          `<svg xmlns="http://www.w3.org/2000/svg" width="1000" height="700" font-family="sans-serif" font-size="13">
            <rect width="100%" height="100%" fill="#fff"/>${lines.join('')}<text x="700" y="660">${total}</text>
          </svg>`,
        ),
      );
    const one = await page('Total 1384.20').png().toBuffer();
    await put('1.png', one, { quality: 9 });
    await put('1-again.jpg', await sharp(one).jpeg({ quality: 60 }).toBuffer(), { angle: 1 });
    await put('2.png', await page('Total 1364.20').png().toBuffer(), { angle: 2 });
    expect(short(await plan())).toEqual(['same: 1.png < 1-again.jpg', 'similar: 1.png < 2.png']);
  });

  it('keeps of one picture what was compressed least, whatever blocks and ringing look like; of a burst the sharpest', async () => {
    const photo = sharp(DOG);
    await put('a/30.jpg', await photo.clone().jpeg({ quality: 30 }).toBuffer(), { quality: 900 });
    await put('b/60.jpg', await photo.clone().jpeg({ quality: 60 }).toBuffer(), { angle: 1, quality: 500 });
    await put('c/95.jpg', await photo.clone().jpeg({ quality: 95 }).toBuffer(), { angle: 2, quality: 400 });
    const web = await photo.clone().webp({ quality: 90 }).toBuffer();
    await put('web.webp', web, { angle: 3, quality: 950 });
    const [same] = (await plan()).groups;
    expect(same?.keeper).toMatchObject({ path: 'c/95.jpg', reason: 'least compressed' });
    expect(same?.others.map(({ path, reason }) => [path, reason])).toEqual([
      ['b/60.jpg', 'same picture, more compressed'],
      ['a/30.jpg', 'same picture, more compressed'],
      ['web.webp', 'same picture, an export for the web'],
    ]);
    expect(short(await plan({ keep: ['bytes'] }))[0]).toMatch(/^same: a\/30\.jpg < /);
    await put('soft.jpg', await photo.clone().blur(3).jpeg({ quality: 95 }).toBuffer(), {
      angle: 90,
      takenMs: NOON,
      quality: 10,
    });
    await put('sharp.jpg', await photo.clone().jpeg({ quality: 80 }).toBuffer(), {
      angle: 92,
      takenMs: NOON + 2000,
      quality: 300,
    });
    expect(short(await plan({ kinds: ['burst'] }))).toEqual(['burst: sharp.jpg < soft.jpg']);
  });

  it('takes an animation, or a document of pages, for no copy of the picture that stands for it, but for one of its bytes', async () => {
    const stills = await Promise.all([DOG, CAT].map((file) => sharp(file).resize(300, 200).png().toBuffer()));
    const animated = await sharp(stills, { join: { animated: true } })
      .webp({ quality: 95 })
      .toBuffer();
    await put('animated.webp', animated);
    await put('still.png', stills[0] as Buffer);
    await put('copy.png', await sharp(stills[0]).png({ palette: false, compressionLevel: 1 }).toBuffer());
    const cover = { angle: 40, takenMs: NOON };
    await put('report.tif', grayTiff([2, 2], { greys: [90, 10] }), cover);
    await put('letter.tif', grayTiff([2, 2], { greys: [90, 200] }), cover);
    await put('letter copy.tif', grayTiff([2, 2], { greys: [90, 200] }), cover);
    const go = (await plan({})).groups.flatMap(({ kind, others }) => others.map(({ file }) => [kind, basename(file)]));
    expect(go.filter(([kind]) => kind !== 'similar').sort()).toEqual([
      ['identical', 'letter copy.tif'],
      ['same', 'copy.png'],
    ]);
  });

  it('takes an edit of one exposure for no burst, and frames of one second for one', async () => {
    await put('one.jpg', DOG, { takenMs: NOON + 250 });
    await put('crop.jpg', await cropped(DOG, 0.95), { angle: 3, takenMs: NOON + 250 });
    expect(short(await plan())).toEqual(['similar: one.jpg < crop.jpg']);
    await put('cat.jpg', CAT, { angle: 90, takenMs: NOON });
    await put('next.jpg', await cropped(CAT, 0.9), { angle: 93, takenMs: NOON });
    expect(short(await plan({ kinds: ['burst'] }))).toEqual(['burst: cat.jpg < next.jpg']);
  });

  it('keeps the best frames of a burst, whatever their names, and says how the others compare', async () => {
    const frame = async (name: string, at: number, make: (from: Sharp) => Sharp): Promise<string> =>
      put(
        name,
        await make(sharp(DOG).resize(700).extract({ left: at, top: 0, width: 600, height: 500 }))
          .png()
          .toBuffer(),
        {
          angle: at / 10,
          takenMs: NOON + 250 + at * 10,
        },
      );
    await frame('1 blurred.png', 0, (from) => from.blur(3));
    await frame('2 soft.png', 20, (from) => from.blur(1));
    await frame('3 blown.png', 40, (from) => from.linear(2.2, 0));
    await frame('4 sharp.png', 60, (from) => from);
    await frame('safe/5 blurred.png', 80, (from) => from.blur(4));
    const found = await plan({ kinds: ['burst'], best: 2, protect: [join(photos, 'safe')] });
    expect(found.groups).toHaveLength(1);
    const [group] = found.groups;
    const name = ({ file }: { readonly file: string }): string => file.slice(photos.length + 1);
    expect(group && [group.keeper, ...group.alsoKept].map(name)).toEqual(['4 sharp.png', '2 soft.png']);
    expect(group?.others.map(name)).toEqual(expect.arrayContaining(['1 blurred.png', '3 blown.png']));
    expect(group?.others).toHaveLength(2);
    expect(group?.keeper.reason).toBe('the best of sharpness and exposure together');
    expect(group?.others.find((one) => name(one) === '1 blurred.png')?.reason).toMatch(
      /^same burst, its subject \d+ % as sharp/,
    );
    expect(group?.others.find((one) => name(one) === '3 blown.png')?.reason).toMatch(/\d+ % clipped against \d+ %$/);
    expect(dedupeDocument(found, null).groups[0]).toMatchObject({
      alsoKept: [{ frame: { blown: expect.any(Number) } }],
    });
    const one = await plan({ kinds: ['burst'], best: 9 });
    expect(one.groups[0]?.others).toEqual([]);
  });

  it('lets a far-off copy be proposed by its vector and confirmed by its pixels alone', async () => {
    await put('dog.jpg', DOG);
    await put('far.jpg', await resized(DOG, 480), { angle: 25 });
    await put('crop.jpg', await cropped(DOG, 0.95), { angle: -25 });
    expect(short(await plan())).toEqual(['same: dog.jpg < far.jpg']);
  });

  it('keeps by the rules in their order, and says which one decided', async () => {
    await put('a (1).jpg', DOG);
    await put('z.jpg', DOG);
    await put('best/z.jpg', DOG);
    await put('edited.jpg', await resized(DOG, 480));
    const [identical, same] = (await plan()).groups;
    expect(identical?.keeper).toMatchObject({
      file: join(photos, 'best/z.jpg'),
      reason: expect.stringContaining('the original'),
    });
    expect(identical?.others.map(({ reason }) => reason)).toEqual([
      'same bytes, equal in all else, later by path',
      'same bytes, a copy, an edit or an export',
    ]);
    expect(same?.others[0]?.reason).toBe('same picture, 480 x 360 against 960 x 720');
    await mkdir(join(photos, 'z'));
    expect(short(await plan({ keep: ['bytes'], kinds: ['same'] }))[0]).toMatch(/^same: edited\.jpg < /);
    await put('kept/z.jpg', DOG);
    expect(short(await plan({ prefer: [join(photos, 'kept')], kinds: ['identical'] }))[0]).toMatch(
      /^identical: kept\/z/,
    );
  });

  it('never lets a protected photo go', async () => {
    await put('safe/small.jpg', await resized(DOG, 480));
    await put('safe/dog.jpg', DOG);
    await put('dog.jpg', DOG);
    const found = short(await plan({ protect: [join(photos, 'safe')] }));
    expect(found).toEqual(['identical: safe/dog.jpg < dog.jpg']);
    await expect(plan({ protect: [join(photos, 'saef')] })).rejects.toMatchObject({ code: 'folder_missing' });
  });

  it('warns where the keeper lacks what another has', async () => {
    const placed = await sharp(await resized(DOG, 480))
      .withExif({
        IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1', GPSLongitudeRef: 'W', GPSLongitude: '0/1 7/1 0/1' },
      })
      .jpeg()
      .toBuffer();
    await put('dog.jpg', await sharp(DOG).jpeg({ quality: 90 }).toBuffer());
    const small = await put('small.jpg', placed, { takenMs: NOON });
    await writeFile(
      `${small}.xmp`,
      '<x:xmpmeta><rdf:Description xmp:Rating="4"><dc:subject><rdf:Bag><rdf:li>dog</rdf:li></rdf:Bag></dc:subject></rdf:Description></x:xmpmeta>',
    );
    const [group] = (await plan()).groups;
    expect(group?.keeper.file).toBe(join(photos, 'dog.jpg'));
    expect(group?.warnings).toEqual([
      'the keeper lacks the place (GPS)',
      'the keeper lacks a rating',
      'the keeper lacks keywords',
      'the keeper lacks the time it was taken',
    ]);
    expect(group?.others[0]?.files).toEqual([small, `${small}.xmp`]);
    expect(short(await plan({ keep: ['metadata'] }))).toEqual(['same: small.jpg < dog.jpg']);
  });

  it('keeps no frame of a burst that was rejected, and warns where the one picture that stays was', async () => {
    const rejected = (flag: string): string => `<rdf:RDF><rdf:Description ${flag}/></rdf:RDF>`;
    const best = await put('1.jpg', DOG, { takenMs: NOON, quality: 900 });
    await put('2.jpg', await sharp(DOG).blur(2).jpeg().toBuffer(), { angle: 2, takenMs: NOON + 2000 });
    for (const flag of ['xmp:Rating="-1"', 'xmpDM:pick="-1"', 'xmp:Rating="4" digiKam:PickLabel="1"']) {
      await writeFile(`${best}.xmp`, rejected(flag));
      const [burst] = (await plan({ best: 1, kinds: ['burst'] })).groups;
      expect(burst?.keeper).toMatchObject({ path: '2.jpg', reason: 'not rejected', rating: null });
      expect(burst?.others).toMatchObject([{ path: '1.jpg', reason: 'same burst, rejected', rating: -1 }]);
    }
    const large = await put('large.jpg', CAT, { angle: 90 });
    await put('small.jpg', await resized(CAT, 480), { angle: 91 });
    await writeFile(`${large}.xmp`, rejected('xmp:Rating="-1"'));
    const [same] = (await plan({ kinds: ['same'] })).groups;
    expect([same?.keeper.path, same?.warnings]).toEqual(['large.jpg', ['the keeper was rejected']]);
  });

  it('warns of captions, keywords, stars and places that only a sidecar or Takeout has', async () => {
    const dog = await put('dog.jpg', await sharp(DOG).jpeg({ quality: 90 }).toBuffer());
    const small = await put('small.jpg', await resized(DOG, 480), { angle: 1 });
    const subject = (words: string): string =>
      `<dc:subject><rdf:Bag>${words.replace(/\w+/g, '<rdf:li>$&</rdf:li>')}</rdf:Bag></dc:subject>`;
    await writeFile(`${dog}.xmp`, subject('dog'));
    await writeFile(`${small}.xmp`, subject('dog beach'));
    await writeFile(
      `${small}.json`,
      '{"description":"Rex in Rome","favorited":true,"geoData":{"latitude":0.0,"longitude":0.0},"geoDataExif":{"latitude":41.9,"longitude":12.5}}',
    );
    expect((await plan()).groups[0]?.warnings).toEqual([
      'the keeper lacks the place (GPS)',
      'the keeper lacks a rating',
      'the keeper has fewer keywords',
      'the keeper lacks a caption',
    ]);
    await writeFile(`${small}.json`, '{"description":"","favorited":false,"geoData":{"latitude":0.0,"longitude":0.0}}');
    await writeFile(
      `${small}.xmp`,
      `${subject('dog')}<dc:description><rdf:Alt><rdf:li xml:lang="x-default"> </rdf:li></rdf:Alt></dc:description>`,
    );
    expect((await plan()).groups[0]?.warnings).toEqual([]);
  });

  it('warns of edits in a sidecar that would go', async () => {
    await put('dog.jpg', DOG);
    const copy = await put('dog (1).jpg', DOG);
    const developed = (what: string): string => `<rdf:RDF><rdf:Description ${what}/></rdf:RDF>`;
    const edits = [
      ['dog (1).aae', '<plist/>'],
      [`${basename(copy)}.pp3`, ''],
      [`${basename(copy)}.xmp`, developed('crs:HasSettings="True"')],
      [`${basename(copy)}.xmp`, '<darktable:history><rdf:Seq/></darktable:history>'],
    ] as const;
    for (const [name, text] of edits) {
      await writeFile(join(photos, name), text);
      expect((await plan()).groups[0]?.warnings).toEqual(["the keeper lacks a sidecar with another program's edits"]);
      await rm(join(photos, name));
    }
    await writeFile(`${copy}.xmp`, developed('xmp:CreatorTool="digiKam"'));
    expect((await plan()).groups[0]?.warnings).toEqual([]);
  });

  it('says of what is there already nothing but that, whatever else the two differ in', async () => {
    await put('a/dog.jpg', await resized(DOG, 480));
    await put('b/dog copy.jpg', DOG);
    const [group] = (await plan({ folders: [join(photos, 'a')], against: join(photos, 'b') })).groups;
    expect([group?.keeper.reason, group?.others[0]?.reason]).toEqual(['there already', 'same picture, there already']);
  });

  it('compares one folder against another', async () => {
    await put('card/new.jpg', CAT, { angle: 90 });
    await put('card/new-copy.jpg', CAT, { angle: 90 });
    await put('card/dog.jpg', DOG);
    await put('archive/small.jpg', await resized(DOG, 480));
    await put('elsewhere/dog.jpg', DOG);
    const card = join(photos, 'card');
    expect(short(await plan({ folders: [card], against: join(photos, 'archive') }))).toEqual([
      'same: archive/small.jpg < card/dog.jpg',
    ]);
    await put('card/gone.jpg', await sharp(DOG).flop().jpeg().toBuffer(), { angle: 180 });
    await rm(join(card, 'gone.jpg'));
    const { against } = await plan({ folders: [card], against: join(photos, 'archive') });
    expect(against).toEqual({ there: 1, missing: [join(card, 'new-copy.jpg'), join(card, 'new.jpg')] });
    expect((await plan({ folders: [card], against: photos, kinds: ['burst'] })).against).toBeNull();
    expect((await plan({ folders: [card] })).against).toBeNull();
    // A card that lies inside of what it is compared against.
    expect(short(await plan({ folders: [card], against: photos, kinds: ['identical'] }))).toEqual([
      'identical: elsewhere/dog.jpg < card/dog.jpg',
    ]);
    expect(short(await plan({ folders: [card] }))).toEqual(['identical: card/new.jpg < card/new-copy.jpg']);
  });

  it('compares no photos against themselves, which would find nothing double', async () => {
    await put('card/a/dog.jpg', DOG);
    await put('card/b/dog.jpg', DOG);
    const card = join(photos, 'card');
    for (const request of [
      { folders: [card], against: card },
      { folders: [card], against: join(card, 'a') },
      { folders: [join(card, 'b'), join(card, 'a')], against: card },
    ]) {
      await expect(plan(request)).rejects.toMatchObject({
        kind: 'usage',
        message: `The only indexed photos below ${request.against} are those that were to be compared against it.`,
      });
    }
    expect((await plan({ folders: [join(card, 'a')], against: card })).groups).toHaveLength(1);
  });

  it('takes no slip in the name of a folder for an answer', async () => {
    await put('card/dog.jpg', DOG);
    await put('archive/dog.jpg', DOG);
    const [card, slip] = [join(photos, 'card'), join(photos, 'archve')];
    for (const request of [{ folders: [card], against: slip }, { folders: [slip] }, { folders: [card, slip] }]) {
      await expect(plan(request)).rejects.toMatchObject({
        code: 'not_indexed',
        message: `No indexed photo lies below ${slip}.`,
      });
    }
  });

  it('tells a file of two names and a link from a double', async () => {
    const dog = await put('dog.jpg', DOG);
    await link(dog, join(photos, 'dog-hard.jpg'));
    await indexed('dog-hard.jpg');
    await symlink(dog, join(photos, 'dog-soft.jpg'));
    await indexed('dog-soft.jpg');
    const found = await plan();
    expect(found.groups).toEqual([]);
    expect(found.otherNames).toEqual([dog]);
    expect(found.skipped).toEqual([{ path: join(photos, 'dog-soft.jpg'), reason: 'is a link' }]);
  });

  it('frees nothing by a file that has another name somewhere', async () => {
    await put('a.jpg', DOG);
    await put('b.jpg', DOG);
    const twice = await put('c.jpg', DOG);
    await link(twice, join(home, 'c-elsewhere.jpg'));
    const { groups, bytes } = await plan();
    const { size } = await stat(twice);
    expect(groups[0]?.others.map(({ bytes: its, freed }) => [its, freed])).toEqual([
      [size, size],
      [size, 0],
    ]);
    expect(bytes).toBe(size);
  });

  it('counts on a file whose time alone is another: the row may be of another copy of it, on a machine that shares it', async () => {
    const dog = await readFile(DOG);
    await put('a.jpg', dog);
    const touched = await put('b.jpg', dog);
    await utimes(touched, new Date(NOON), new Date(NOON));
    const found = await plan();
    expect(found.skipped).toEqual([]);
    expect(short(found)).toEqual(['identical: a.jpg < b.jpg']);
  });

  it('never counts on a file that is gone or holds other bytes than were indexed', async () => {
    await put('a.jpg', DOG);
    const gone = await put('b.jpg', DOG);
    const changed = await put('c.jpg', DOG);
    await rename(gone, join(home, 'b.jpg'));
    const { mtimeMs, size } = await stat(changed);
    await writeFile(changed, Buffer.alloc(size));
    const row = store.table(testModel).stored.get(photoId('lib', 'c.jpg'));
    if (row === undefined) throw new Error('not stored');
    // As a damaged disk would have it: neither time nor size tell.
    await store.table(testModel).upsert([{ ...row, mtimeMs: Math.round((await stat(changed)).mtimeMs) }]);
    expect(mtimeMs).toBeGreaterThan(0);
    const found = await plan();
    expect(found.groups).toEqual([]);
    expect(found.gone).toBe(1);
    expect(found.skipped).toEqual([
      { path: changed, reason: 'holds other bytes than were indexed: run curate index again' },
    ]);
  });

  it('gives the same answer whatever order the index has', async () => {
    const files = ['c.jpg', 'a.jpg', 'b.jpg'];
    for (const [i, path] of files.entries()) await put(path, await resized(DOG, 480 + 100 * i), { angle: i * 5 });
    for (const path of ['x.jpg', 'y.jpg']) await put(path, DOG);
    const before = dedupeDocument(await plan(), null);
    const rows = [...store.table(testModel).stored.values()];
    for (const row of rows) await store.table(testModel).remove([row.id]);
    // Rows come in order of id.
    await store
      .table(testModel)
      .upsert(rows.map((row) => ({ ...row, id: createHash('sha256').update(`${row.id}!`).digest('hex') })));
    expect(dedupeDocument(await plan(), null)).toEqual(before);
  });

  it('shows a group of more than fifty, but counts none of it as to go', async () => {
    for (let i = 0; i < 52; i += 1) await put(`${String(i).padStart(2, '0')}.jpg`, DOG);
    const { groups, bytes } = await plan({ kinds: ['identical'] });
    expect(groups).toMatchObject([{ isLarge: true }]);
    expect(groups[0]?.others).toHaveLength(51);
    expect(bytes).toBe(0);
  });
});

describe('what was decided', () => {
  const deps = () => ({ data: memoryData(), pid: process.pid, signal: new AbortController().signal });
  const memoryData = (): string => library.settings.paths.data;
  const NOW = new Date('2026-11-28T12:00:00Z');
  const decided = ({ sha256, file }: GroupPhoto) => ({ sha256, path: file });
  const keepAll = ({ kind, keeper, others, kept }: Group): Promise<Decision> =>
    decide({ kind, keep: [keeper, ...others, ...kept].map(decided), go: [] }, NOW, deps());
  const choose = ({ kind }: Group, keep: GroupPhoto, go: readonly GroupPhoto[]): Promise<Decision> =>
    decide({ kind, keep: [decided(keep)], go: go.map(decided) }, NOW, deps());
  const first = async (request: Partial<DedupeRequest> = {}): Promise<Group> => {
    const [group] = (await plan(request)).groups;
    if (group === undefined) throw new Error('no group');
    return group;
  };
  const names = ({ keeper, others, kept }: Group): string =>
    [[keeper], others, kept].map((photos) => photos.map(({ path }) => path).join(' ')).join(' < ');

  it('does not come back, also when the photos were moved, renamed and indexed anew', async () => {
    const one = await put('a.jpg', DOG);
    await put('b.jpg', await resized(DOG, 480));
    await keepAll(await first());
    expect((await plan()).groups).toEqual([]);
    await store.table(testModel).remove([photoId('lib', 'a.jpg')]);
    await mkdir(join(photos, 'moved'));
    await rename(one, join(photos, 'moved/c.jpg'));
    await indexed('moved/c.jpg');
    expect((await plan()).groups).toEqual([]);
  });

  it('brings a group back with just the one that is new, and never lets go what was kept', async () => {
    await put('a.jpg', await resized(DOG, 600));
    await put('b.jpg', await resized(DOG, 480));
    const { id } = await keepAll(await first());
    await put('smaller.jpg', await resized(DOG, 400));
    const group = await first();
    expect(names(group)).toBe('a.jpg < smaller.jpg < b.jpg');
    expect(group.kept).toMatchObject([{ decision: id, isNew: false, reason: `same picture, kept by decision ${id}` }]);
    expect(group.others).toMatchObject([{ isNew: true }]);
    // Also one that the rules would rather keep: then nothing goes, and the person is asked.
    await put('best.jpg', DOG);
    const better = await first();
    expect([names(better), better.keeper.isNew]).toEqual(['best.jpg < smaller.jpg < a.jpg b.jpg', true]);
    expect(dedupeDocument(await plan(), null).groups).toMatchObject([
      { new: [join(photos, 'best.jpg'), join(photos, 'smaller.jpg')], kept: [{ decision: id }, { decision: id }] },
    ]);
    await keepAll(better);
    expect((await plan()).groups).toEqual([]);
  });

  it('covers as many copies as were decided on, and no further one', async () => {
    for (const path of ['b.jpg', 'c.jpg']) await put(path, DOG);
    const { id } = await keepAll(await first());
    await put('a.jpg', DOG);
    expect(names(await first())).toBe('a.jpg <  < b.jpg c.jpg');
    await put('d.jpg', DOG);
    expect(names(await first())).toBe('a.jpg < d.jpg < b.jpg c.jpg');
    await forget([id], deps());
    expect(names(await first())).toBe('a.jpg < b.jpg c.jpg d.jpg < ');
    await expect(forget([id], deps())).rejects.toMatchObject({ code: 'usage' });
  });

  it('keeps the one that was chosen as long as nothing else is like it, and knows that this was agreed', async () => {
    await put('big.jpg', DOG);
    await put('small.jpg', await resized(DOG, 480));
    const group = await first();
    const [small] = group.others;
    if (small === undefined) throw new Error('no other');
    const { id } = await choose(group, small, [group.keeper]);
    const chosen = await first();
    expect([names(chosen), chosen.agreed]).toEqual(['small.jpg < big.jpg < ', id]);
    expect([chosen.keeper.reason, chosen.others[0]?.reason]).toEqual([
      'your choice',
      'same picture, the other one is your choice',
    ]);
    expect(chosen.warnings).toContain('the keeper has fewer pixels');
    await put('medium.jpg', await resized(DOG, 600));
    expect(await first()).toMatchObject({ agreed: null });
    // What is compared against stays, whatever was chosen elsewhere.
    await put('base/big.jpg', await resized(DOG, 700));
    const against = await first({ against: join(photos, 'base') });
    expect(against).toMatchObject({ keeper: { path: 'base/big.jpg' }, agreed: null });
    expect(against.others.map(({ reason }) => reason)).toContain('same picture, there already');
  });

  it('lets a group be large, and go all the same, when that was agreed', async () => {
    for (let i = 0; i < 52; i += 1) await put(`${i + 10}.jpg`, DOG);
    const group = await first({ kinds: ['identical'] });
    await choose(group, group.keeper, group.others);
    expect(await first({ kinds: ['identical'] })).toMatchObject({ isLarge: false, agreed: 1 });
  });

  it('says so when the decisions cannot be read, and proposes nothing', async () => {
    await put('a.jpg', DOG);
    await put('b.jpg', DOG);
    await keepAll(await first());
    const file = join(memoryData(), 'decisions', 'dedupe.json');
    await writeFile(file, (await readFile(file, 'utf8')).slice(0, -9));
    await expect(plan()).rejects.toMatchObject({ code: 'decisions_broken', message: expect.stringContaining(file) });
  });

  it('loses none of the decisions that are made at once', async () => {
    const verdict = (n: number) => ({ kind: 'same' as const, keep: [{ sha256: String(n), path: `/${n}` }], go: [] });
    await Promise.all([1, 2, 3, 4].map((n) => decide(verdict(n), NOW, deps())));
    const kept = await readDecisions(memoryData());
    expect(kept.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
    expect(kept.map(({ keep }) => keep[0]?.path).sort()).toEqual(['/1', '/2', '/3', '/4']);
  });
});
