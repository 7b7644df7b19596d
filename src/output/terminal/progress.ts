import stringWidth from 'string-width';
import type { World } from '../../world.ts';
import { duration, grouped, printable } from '../text.ts';
import { shortenMiddle } from './shorten.ts';
import { writeLine } from './streams.ts';
import { canDraw } from './terminal.ts';

export interface Progress {
  /** `total` may grow while it goes; null while nobody knows it. */
  update(done: number, total: number | null, counts?: { readonly failed?: number }): void;
  /** A line that stays, above the bar. */
  note(line: string): void;
  /** Takes the bar away, until the next update, and leaves the summary. Safe to call again, and in a `finally`. */
  finish(summary?: string): void;
}

/** Milliseconds between two redraws of the bar, and between two plain lines. */
const REDRAW = 100;
const PLAIN = 10_000;
/** Milliseconds over which the rate is taken: long enough to be steady, short enough to follow. */
const WINDOW = 20_000;
/** Milliseconds between two samples of it at least, so that quick work leaves no hundred thousand. */
const SAMPLING = 50;
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
/** To the first column, and nothing left on the line. */
const ERASE = '\r\u001b[2K';

/**
 * Progress of long work on stderr: a bar redrawn in place on a terminal, else a plain line now and then.
 * @param show How amounts are written: as counts, or as bytes.
 */
export function createProgress(world: World, label: string, show: (n: number) => string = grouped): Progress {
  return canDraw(world, world.stderr) ? bar(world, label, show) : plainLines(world, label, show);
}

function bar(world: World, label: string, show: (n: number) => string): Progress {
  const { stderr, interrupted } = world;
  const rate = rateOver(WINDOW);
  let line: string | null = null;
  let drawnAt = Number.NEGATIVE_INFINITY;
  const takeAway = (): void => {
    if (line === null) return;
    stderr.write(ERASE + SHOW_CURSOR);
    line = null;
    interrupted.removeEventListener('abort', takeAway);
  };
  return {
    update: (done, total, { failed = 0 } = {}) => {
      const now = world.elapsed();
      const perSecond = rate(done, now);
      // Once interrupted the bar stays away: the next Ctrl-C ends the process before it could show the cursor again.
      if (interrupted.aborted || (now - drawnAt < REDRAW && done !== total)) return;
      drawnAt = now;
      const next = progressLine({ label, done, total, failed, perSecond, show }, stderr.columns || 80);
      if (next === line) return;
      if (line === null) {
        stderr.write(HIDE_CURSOR);
        interrupted.addEventListener('abort', takeAway, { once: true });
      }
      // One write, so that nothing flickers.
      stderr.write(ERASE + next);
      line = next;
    },
    note: (text) => {
      if (line !== null) stderr.write(ERASE);
      writeLine(stderr, text);
      if (line !== null) stderr.write(line);
    },
    finish: (summary) => {
      takeAway();
      if (summary !== undefined) writeLine(stderr, summary);
    },
  };
}

function plainLines(world: World, label: string, show: (n: number) => string): Progress {
  const rate = rateOver(WINDOW);
  let saidAt = world.elapsed();
  return {
    update: (done, total, { failed = 0 } = {}) => {
      const now = world.elapsed();
      const perSecond = rate(done, now);
      if (now - saidAt < PLAIN) return;
      saidAt = now;
      writeLine(world.stderr, `${label}: ${facts({ label, done, total, failed, perSecond, show }).join(', ')}`);
    },
    note: (text) => writeLine(world.stderr, text),
    finish: (summary) => {
      if (summary !== undefined) writeLine(world.stderr, summary);
    },
  };
}

/** Things per second over the last `window` milliseconds; null until two moments are known. */
export function rateOver(window: number): (done: number, now: number) => number | null {
  const samples: { readonly done: number; readonly now: number }[] = [];
  return (done, now) => {
    const last = samples.at(-1);
    if (last === undefined || now - last.now >= SAMPLING) samples.push({ done, now });
    // One sample from before the window stays, so that a stall of any length lowers the rate.
    while (samples.length > 2 && now - (samples[1]?.now ?? now) >= window) samples.shift();
    const [first] = samples;
    if (first === undefined || now - first.now < 500 || done <= first.done) return null;
    return ((done - first.done) * 1000) / (now - first.now);
  };
}

interface State {
  readonly label: string;
  readonly done: number;
  readonly total: number | null;
  readonly failed: number;
  readonly perSecond: number | null;
  /** How amounts are written: counts, or bytes. */
  readonly show?: (n: number) => string;
}

/** "Indexing ━━━━━━────── 45%  540 of 1,200  21.3/s  31 s left", in at most `columns` cells less one. */
export function progressLine(state: State, columns: number): string {
  // The last cell stays free: some terminals wrap as soon as it is written.
  const room = Math.max(0, columns - 1);
  const label = printable(state.label);
  const words = [label, ...facts(state)];
  // The least important fact stands last and goes first.
  while (words.length > 2 && stringWidth(words.join('  ')) > room) words.pop();
  const left = room - stringWidth(words.join('  ')) - 2;
  const { done, total } = state;
  if (total !== null && total > 0 && left >= 10) {
    const cells = Math.min(left, 30);
    const full = Math.round(cells * Math.min(1, done / total));
    words.splice(1, 0, '━'.repeat(full) + '─'.repeat(cells - full));
  }
  return shortenMiddle(words.join('  '), room, stringWidth);
}

/** The most important first. */
function facts({ done, total, failed, perSecond, show = grouped }: State): string[] {
  const said = total === null ? [show(done)] : [`${show(done)} of ${show(total)}`];
  if (total !== null && total > 0) said.push(`${Math.floor((100 * Math.min(done, total)) / total)}%`);
  if (failed > 0) said.push(`${grouped(failed)} failed`);
  if (perSecond !== null && total !== null && total > done) {
    said.push(`${duration(Math.max(1, (total - done) / perSecond))} left`);
  }
  if (perSecond !== null) said.push(`${perSecond >= 100 ? show(Math.round(perSecond)) : perSecond.toFixed(1)}/s`);
  return said;
}
