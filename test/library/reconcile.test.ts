import fc from 'fast-check';
import { expect, it } from 'vitest';
import { reconcile, suspicious } from '../../src/library/index/reconcile.ts';
import { FACTS_VERSION } from '../../src/photos/facts.ts';
import type { FoundFile } from '../../src/photos/walk.ts';
import { photo } from '../store/samples.ts';

const path = fc.constantFrom('a.jpg', 'A.jpg', 'b.jpg', 'b/a.jpg', 'caf\u00e9.jpg', 'cafe\u0301.jpg', 'c.cr2', 'd.cr2');
const state = { size: fc.constantFrom(1, 2), mtimeMs: fc.constantFrom(10, 11) };
const files = fc.uniqueArray(fc.record<FoundFile>({ path, ...state }), { selector: (file) => file.path });
const rows = fc.uniqueArray(fc.record({ path, ...state, facts: fc.constantFrom(0, FACTS_VERSION) }), {
  selector: (row) => row.path,
});
const namesOf = (some: readonly { readonly path: string }[]): string[] => some.map((one) => one.path).sort();

it('each file is unchanged or to be read, each row stands for a file, lies beside one or is missing', () => {
  fc.assert(
    fc.property(files, rows, fc.subarray(['c.cr2', 'd.cr2', 'b.jpg']), (found, stored, beside) => {
      // What lies beside a photo stands for none of its own.
      const standing = found.filter((file) => !beside.includes(file.path));
      const known = stored.map((row) => photo(row.path, row));
      const plan = reconcile(standing, new Set(beside), known);
      const asIs = (file: FoundFile): boolean =>
        known.some(
          (row) =>
            row.path === file.path &&
            row.size === file.size &&
            row.mtimeMs === file.mtimeMs &&
            row.facts === FACTS_VERSION,
        );
      expect(plan.unchanged).toBe(standing.filter(asIs).length);
      const toRead = standing.filter((file) => !asIs(file));
      expect(plan.candidates.map((one) => one.found.path)).toEqual(namesOf(toRead));
      for (const one of plan.candidates) {
        expect(toRead).toContain(one.found);
        expect(one.before).toBe(known.find((row) => row.path === one.found.path) ?? null);
      }
      const isThere = (name: string): boolean => standing.some((file) => file.path === name);
      expect(namesOf(plan.missing)).toEqual(
        namesOf(known.filter((row) => !isThere(row.path) && !beside.includes(row.path))),
      );
      expect([...plan.watched].map(([name, row]) => [name, row.path]).sort()).toEqual(
        namesOf(known.filter((row) => beside.includes(row.path))).map((name) => [name, name]),
      );
    }),
  );
});

it.each([
  [{ lost: 0, stored: 100, found: 0, proved: false }, null],
  [{ lost: 1, stored: 1, found: 0, proved: true }, 'the folder is empty now'],
  [{ lost: 2, stored: 2, found: 5, proved: false }, 'none of its photos is there any more, but others are'],
  [{ lost: 1, stored: 1, found: 5, proved: false }, null],
  [{ lost: 2, stored: 4, found: 5, proved: true }, null],
  [{ lost: 25, stored: 50, found: 25, proved: true }, null],
  [{ lost: 26, stored: 50, found: 24, proved: true }, '26 of 50 photos are not there any more'],
  [{ lost: 48, stored: 49, found: 1, proved: true }, null],
])('losses of %j look like a drive that is away: %j', (losses, reason) => {
  expect(suspicious(losses)).toBe(reason);
});
