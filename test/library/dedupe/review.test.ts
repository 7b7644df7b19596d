import { basename } from 'node:path';
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { demandReviewer, reviewPlan } from '../../../src/commands/dedupe-review.ts';
import { readDecisions } from '../../../src/library/dedupe/decisions.ts';
import type { DedupePlan } from '../../../src/library/dedupe/plan.ts';
import { type RenderPhoto, renderPhoto } from '../../../src/photos/render.ts';
import { DedupeLibrary } from '../../support/dedupe-library.ts';
import { testWorld } from '../../support/world.ts';

const DOWN = '\u001b[B';
const ENTER = '\r';
const CTRL_C = ['\u0003'];
const nth = (n: number): string[] => [...Array<string>(n).fill(DOWN), ENTER];

let library: DedupeLibrary;
beforeEach(async () => {
  library = await DedupeLibrary.make();
});
afterEach(() => library.remove());

/** A terminal at which somebody sits who answers each question in turn; asked what it is, it says `attributes`. */
function terminal(answers: readonly (readonly string[])[], env = {}, attributes = '\u001b[?62c') {
  const stdin = new PassThrough();
  const world = testWorld({ env, stdin: Object.assign(stdin, { isTTY: true, setRawMode: () => stdin }) as never });
  Object.assign(world.stderr, { isTTY: true, columns: 80, rows: 40 });
  const left = [...answers];
  let asked = 0;
  const { write } = world.stderr;
  // Each question is known by its mark; its answer is typed a key at a time, as soon as it listens.
  world.stderr.write = ((...args: Parameters<typeof write>) => {
    const isWritten = write.apply(world.stderr, args);
    if (String(args[0]).includes('\u001b[c')) stdin.write(attributes);
    const questions = world.err().split('\u25c6').length - 1;
    if (questions > asked && left.length > 0) {
      asked = Number.POSITIVE_INFINITY;
      const keys = left.shift() ?? [];
      setImmediate(() => {
        for (const key of keys) stdin.write(key);
        asked = world.err().split('\u25c6').length - 1;
      });
    }
    return isWritten;
  }) as typeof write;
  return { world, screen: () => stripVTControlCharacters(world.err()) };
}

const paint = (red: number, width: number): Promise<Buffer> =>
  sharp({ create: { width, height: width, channels: 3, background: { r: red, g: 90, b: 90 } } })
    .png()
    .toBuffer();

/** Three groups of identical photos. */
async function threeGroups(): Promise<DedupePlan> {
  for (const [i, name] of ['a', 'b', 'c'].entries()) {
    const bytes = await paint(80 * i, 16);
    for (const n of [1, 2]) await library.put(`${name}${n}.png`, bytes, { angle: 40 * i });
  }
  return library.plan({ kinds: ['identical'] });
}

const review = (world: ReturnType<typeof testWorld>, plan: DedupePlan, moves = false): Promise<DedupePlan> =>
  reviewPlan(plan, { world, settings: library.settings, render: renderPhoto, moves });

const short = ({ groups }: DedupePlan): string[] =>
  groups.map(
    ({ keeper, others, agreed }) =>
      `${[keeper, ...others].map(({ path }) => path).join(' < ')}${agreed === null ? '' : ' agreed'}`,
  );

describe('the review of groups', () => {
  it('takes an answer on each group, keeps it at once, and goes on where it was left', async () => {
    const plan = await threeGroups();
    const { world, screen } = terminal([nth(0), nth(1), CTRL_C]);
    await expect(review(world, plan)).rejects.toMatchObject({
      kind: 'interrupted',
      message: 'Interrupted; 2 answers are kept, nothing was moved. Run it again to go on.',
    });
    expect(screen()).toContain('Group 1 of 3. Identical: 2 photos');
    expect(screen()).toMatch(/ 1 keep {2}.*a1\.png\n.*\n 2 go {4}.*a2\.png/);
    for (const line of screen().split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    const kept = await readDecisions(library.settings.paths.data);
    expect(kept.map(({ keep, go }) => [keep.length, go.length])).toEqual([
      [1, 1],
      [2, 0],
    ]);
    const again = await library.plan({ kinds: ['identical'] });
    expect(short(again)).toEqual(['a1.png < a2.png agreed', 'c1.png < c2.png']);
    const second = terminal([nth(3)]);
    expect(short(await review(second.world, again))).toEqual(short(again));
    expect(second.screen()).toContain('1 group answered before: the others there may go.');
    expect(second.screen()).toContain('Group 1 of 1. ');
    expect(second.screen()).toContain('0 are kept whole, 1 left to judge.');
  });

  it('lets another photo stay, and stops where it is told to', async () => {
    const plan = await threeGroups();
    const { world, screen } = terminal([nth(2), nth(0), nth(0), nth(4)]);
    const answered = await review(world, plan, true);
    expect(short(answered)).toEqual(['a2.png < a1.png agreed', 'b1.png < b2.png', 'c1.png < c2.png']);
    expect(screen()).toContain('your choice');
    expect(screen()).toContain('Move the other at the end');
    expect(screen()).toContain('Of 1 group the others may go, 0 are kept whole, 2 left to judge.');
  });

  it('shows where nothing can go for the one that was chosen, and asks again', async () => {
    const bytes = await paint(0, 16);
    await library.put('safe/a.png', bytes);
    await library.put('b.png', bytes);
    const plan = await library.plan({ kinds: ['identical'], protect: [`${library.photos}/safe`] });
    const { world, screen } = terminal([nth(2), nth(0), nth(1)]);
    expect((await review(world, plan)).groups).toEqual([]);
    expect(screen()).toMatch(/Nothing would go for .*b\.png: the others are protected, or not like it\./);
  });

  it('draws the pictures where the terminal has colours', async () => {
    const plan = await threeGroups();
    const { world, screen } = terminal([nth(4)], { TERM: 'xterm-256color' });
    await review(world, plan);
    expect(screen()).toContain('▀▀▀▀');
    expect(screen()).toMatch(/1 keep {2}a1\.png +2 go {2}a2\.png/);
    const plain = terminal([nth(4)], { TERM: 'dumb' });
    await review(plain.world, plan);
    expect(plain.screen()).not.toContain('▀');
  });

  it('draws them as sixels, as --pick does, where the terminal says that it knows them', async () => {
    const plan = await threeGroups();
    const { world, screen } = terminal([nth(3), nth(4)], { TERM: 'xterm-256color' }, '\u001b[6;20;10t\u001b[?62;4c');
    await review(world, plan);
    expect(world.err().split('\u001bP')).toHaveLength(3);
    expect(screen()).not.toContain('▀');
    // Asked but once.
    expect(world.err().split('\u001b[16t')).toHaveLength(2);
  });

  it('ends when it is stopped while it draws, and keeps what was answered', async () => {
    const plan = await threeGroups();
    const stop = new AbortController();
    const { world } = terminal([nth(0)], { TERM: 'xterm-256color' });
    const drawn: RenderPhoto = (request) => {
      if (basename(request.file).startsWith('b')) stop.abort();
      return renderPhoto(request);
    };
    const stopped = { ...world, interrupted: stop.signal };
    await expect(
      reviewPlan(plan, { world: stopped, settings: library.settings, render: drawn, moves: true }),
    ).rejects.toMatchObject({ kind: 'interrupted', message: expect.stringContaining('1 answer is kept') });
    expect(await readDecisions(library.settings.paths.data)).toHaveLength(1);
  });

  it('ends as by Ctrl-C at the end of the input, and keeps what was answered', async () => {
    const plan = await threeGroups();
    const { world } = terminal([nth(0), ['\u0004']]);
    await expect(review(world, plan)).rejects.toMatchObject({
      kind: 'interrupted',
      message: expect.stringContaining('1 answer is kept'),
    });
    const { world: closed, screen } = terminal([]);
    const asked = review(closed, await library.plan({ kinds: ['identical'] }));
    while (!screen().includes('what is to become of it?')) await new Promise((done) => setImmediate(done));
    closed.stdin.emit('end');
    await expect(asked).rejects.toMatchObject({ kind: 'interrupted' });
  });

  it('does not let a group of more than fifty go at a slip of a key', async () => {
    const bytes = await paint(0, 16);
    for (let i = 10; i < 62; i += 1) await library.put(`${i}.png`, bytes);
    const plan = await library.plan({ kinds: ['identical'] });
    const { world, screen } = terminal([nth(2)]);
    expect((await review(world, plan)).groups).toMatchObject([{ isLarge: true, agreed: null }]);
    expect(screen()).toContain('● Keep all');
    const wanted = terminal([nth(3)]);
    expect((await review(wanted.world, plan)).groups).toMatchObject([{ isLarge: false, agreed: 1 }]);
  });

  it('is refused where nobody can be asked', () => {
    expect(() => demandReviewer(testWorld())).toThrow('--review needs a terminal to ask on.');
  });
});
