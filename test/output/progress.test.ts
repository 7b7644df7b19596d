import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { createProgress, progressLine, rateOver } from '../../src/output/terminal/progress.ts';
import { testWorld } from '../support/world.ts';
import { CONTROL, hostileName } from './rows.ts';

const SHOW = '\u001b[?25h';
const HIDE = '\u001b[?25l';

/** A world whose clock is moved by hand and whose stderr may be a terminal. */
function clockedWorld(options: { readonly terminal: boolean }) {
  let now = 5000;
  const interrupt = new AbortController();
  let hour = 24;
  // The time of day is set back by an hour whenever somebody looks at it: progress may not depend on it.
  const timeOfDay = (): Date => new Date(Date.UTC(2026, 10, 23, hour--));
  const world = testWorld({ now: timeOfDay, elapsed: () => now, interrupted: interrupt.signal });
  if (options.terminal) Object.assign(world.stderr, { isTTY: true, columns: 80 });
  return { world, interrupt, pass: (ms: number) => (now += ms) };
}

describe('progress on a terminal', () => {
  it('draws a bar with count, share, time left and rate', () => {
    const { world, pass } = clockedWorld({ terminal: true });
    const progress = createProgress(world, 'Indexing');
    for (let done = 0; done <= 300; done += 50) {
      progress.update(done, 1200, { failed: 2 });
      pass(2500);
    }
    expect(world.err()).toContain('300 of 1,200  25%  2 failed  45 s left  20.0/s');
    expect(world.err()).toMatch(/━+─+/);
  });

  it('hides the cursor while it draws and gives it back at the end', () => {
    const { world } = clockedWorld({ terminal: true });
    const progress = createProgress(world, 'Indexing');
    progress.update(1, 10);
    expect(world.err()).toContain(HIDE);
    expect(world.err()).not.toContain(SHOW);
    progress.finish('Done.');
    expect(world.err().indexOf(SHOW)).toBeGreaterThan(world.err().indexOf(HIDE));
    expect(world.err().endsWith('Done.\n')).toBe(true);
  });

  it('gives the cursor back when it is interrupted, and does not take it again', () => {
    const { world, interrupt, pass } = clockedWorld({ terminal: true });
    const progress = createProgress(world, 'Indexing');
    progress.update(1, 10);
    interrupt.abort();
    expect(world.err().endsWith(SHOW)).toBe(true);
    pass(1000);
    progress.update(2, 10);
    expect(world.err().endsWith(SHOW)).toBe(true);
  });

  it('draws at most ten times a second', () => {
    const { world, pass } = clockedWorld({ terminal: true });
    const progress = createProgress(world, 'Indexing');
    for (let done = 0; done < 1000; done += 1) {
      progress.update(done, 1001);
      pass(1);
    }
    expect(world.err().split('Indexing')).toHaveLength(11);
  });

  it('keeps a note above the bar', () => {
    const { world } = clockedWorld({ terminal: true });
    const progress = createProgress(world, 'Indexing');
    progress.update(1, 10);
    progress.note('Left out a\nb.jpg');
    const [before, after] = world.err().split('Left out a\\nb.jpg\n');
    expect(before?.endsWith('\u001b[2K')).toBe(true);
    expect(after).toMatch(/^Indexing/);
  });

  it('writes no escape sequence to a terminal that understands none', () => {
    const { world, pass } = clockedWorld({ terminal: true });
    const progress = createProgress({ ...world, env: { TERM: 'dumb' } }, 'Indexing');
    pass(60_000);
    progress.update(5, 10);
    progress.finish();
    expect(world.err()).toBe('Indexing: 5 of 10, 50%\n');
  });
});

describe('progress that goes to a file or a pipe', () => {
  it('is a plain line every ten seconds', () => {
    const { world, pass } = clockedWorld({ terminal: false });
    const progress = createProgress(world, 'Indexing');
    for (let done = 0; done <= 120; done += 1) {
      progress.update(done, 1000);
      pass(250);
    }
    progress.finish('Done.');
    expect(world.err().split('\n')).toEqual([
      'Indexing: 40 of 1,000, 4%, 4 min 0 s left, 4.0/s',
      'Indexing: 80 of 1,000, 8%, 3 min 50 s left, 4.0/s',
      'Indexing: 120 of 1,000, 12%, 3 min 40 s left, 4.0/s',
      'Done.',
      '',
    ]);
  });
});

describe('the line of a progress bar', () => {
  it('fits into the terminal and holds no control character', () => {
    const state = fc.record({
      label: hostileName,
      done: fc.nat(1e6),
      total: fc.option(fc.nat(1e6)),
      failed: fc.nat(100),
      perSecond: fc.option(fc.double({ min: 0.001, max: 1e5, noNaN: true })),
    });
    fc.assert(
      fc.property(state, fc.integer({ min: 1, max: 200 }), (given, columns) => {
        const line = progressLine(given, columns);
        expect(line).not.toMatch(CONTROL);
        expect(stringWidth(line)).toBeLessThan(Math.max(columns, 1));
      }),
    );
  });

  it('says how many are done while nobody knows the total', () => {
    expect(progressLine({ label: 'Walking', done: 1234, total: null, failed: 0, perSecond: null }, 80)).toBe(
      'Walking  1,234',
    );
  });
});

describe('the rate', () => {
  it('follows a change within its window', () => {
    const rate = rateOver(10_000);
    for (let t = 0; t <= 60_000; t += 1000) rate(t / 1000, t);
    let last: number | null = null;
    for (let t = 61_000; t <= 80_000; t += 1000) last = rate(60 + (t - 60_000) / 100, t);
    expect(last).toBeCloseTo(10);
  });

  it('is the same when it is told of every millisecond', () => {
    const rate = rateOver(10_000);
    let last: number | null = null;
    for (let t = 0; t <= 60_000; t += 1) last = rate(t < 50_000 ? t : 50_000 + (t - 50_000) / 10, t);
    expect(last).toBeCloseTo(100, 0);
  });

  it('sinks during a stall', () => {
    const rate = rateOver(10_000);
    rate(0, 0);
    rate(100, 10_000);
    const before = rate(101, 10_500) ?? 0;
    expect(rate(102, 40_500) ?? 0).toBeLessThan(before / 2);
  });

  it('is unknown at first and while nothing gets done', () => {
    const rate = rateOver(10_000);
    expect(rate(5, 0)).toBeNull();
    expect(rate(5, 5000)).toBeNull();
  });
});
