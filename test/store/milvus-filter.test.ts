import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expressionOf, idIn, quote } from '../../src/store/milvus/filter.ts';

/** Reads a literal as both Milvus and Lite do: one quoted string, C-style escapes, no bare line ends. */
function unquote(literal: string): string {
  const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t' };
  expect(literal).toMatch(/^"(?:[^"\\\r\n]|\\["\\nrt])*"$/u);
  return literal.slice(1, -1).replace(/\\(.)/g, (_, character: string) => escapes[character] ?? character);
}

const anyText = fc.string({ unit: 'binary', maxLength: 40 });

test('any text becomes one literal that reads back as that text', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(unquote(quote(text))).toBe(text);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\r', '\t', "'", 'n', 'u') }), (text) => {
      expect(unquote(quote(text))).toBe(text);
    }),
  );
});

test('a folder is a range of byte-wise ordered paths that holds what begins with the folder and a slash', () => {
  const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }).filter((text) => !/[/\0]/.test(text));
  const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
  fc.assert(
    fc.property(name, name, fc.constantFrom('', '/', '0', '.', '/x', ' ', null), (folder, other, tail) => {
      const path = tail === null ? other : `${folder}${tail}${other}`;
      const expression = expressionOf({ within: [{ library: 'l', folder }] });
      const [, from, to] = /path >= (".*") and path < (".*")\)\)$/s.exec(expression) ?? [];
      const inside = byBytes(path, unquote(from ?? '')) >= 0 && byBytes(path, unquote(to ?? '')) < 0;
      expect(inside).toBe(path.startsWith(`${folder}/`));
    }),
  );
});

test('no filter lets everything through, no folder nothing, and times are whole numbers whatever is asked', () => {
  expect(expressionOf({})).toBe('');
  expect(expressionOf({ within: [] })).toBe('id == ""');
  expect(expressionOf({ takenAfterMs: 1.2 })).toBe('taken_ms != 0 and taken_ms >= 2');
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (ms) => {
      expect(expressionOf({ takenBeforeMs: ms })).toMatch(/^taken_ms != 0 and taken_ms < -?\d+$/);
    }),
  );
});

test('ids are written as a list of literals', () => {
  expect(idIn(['a', 'b"'])).toBe('id in ["a","b\\""]');
});
