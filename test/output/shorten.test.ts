import { basename } from 'node:path';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { shortenMiddle, shortenPath } from '../../src/output/terminal/shorten.ts';
import { printable } from '../../src/output/text.ts';
import { CONTROL, hostilePath } from './rows.ts';

const room = fc.integer({ min: 0, max: 60 });

describe('shortening a text in its middle', () => {
  it('leaves a text that fits as it is', () => {
    expect(shortenMiddle('kitten.jpg', 10, stringWidth)).toBe('kitten.jpg');
  });

  it('keeps both ends of a text that does not fit', () => {
    expect(shortenMiddle('IMG_20240615_143212.jpg', 11, stringWidth)).toBe('IMG_2…2.jpg');
  });

  it('never cuts through a character as readers see it', () => {
    expect(shortenMiddle('👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧', 5, stringWidth)).toBe('👩‍👩‍👧…👩‍👩‍👧');
  });

  it('never takes more room than there is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), room, (text, cells) => {
        expect(stringWidth(shortenMiddle(text, cells, stringWidth))).toBeLessThanOrEqual(cells);
      }),
    );
  });
});

describe('shortening a path', () => {
  it('takes from the folders so that the name stays whole', () => {
    const short = shortenPath('/home/ann/Pictures/2024/summer/IMG_2041.jpg', 30, stringWidth);
    expect(short).toBe('/home/an…4/summer/IMG_2041.jpg');
  });

  it('puts no folder before a name that has none', () => {
    expect(shortenPath('kitten.jpg', 30, stringWidth)).toBe('kitten.jpg');
    expect(shortenPath('a/kitten.jpg', 30, stringWidth)).toBe('a/kitten.jpg');
  });

  it('takes from the name only when nothing else is left, and keeps its ending', () => {
    const short = shortenPath('/home/ann/a-very-long-name-indeed-2041.jpg', 15, stringWidth);
    expect(short).toBe('a-very-…041.jpg');
  });

  it('keeps the name whole wherever it fits, stays in its room and holds no control character', () => {
    fc.assert(
      fc.property(hostilePath, room, (path, cells) => {
        const short = shortenPath(path, cells, stringWidth);
        expect(short).not.toMatch(CONTROL);
        expect(stringWidth(short)).toBeLessThanOrEqual(cells);
        const name = printable(basename(path));
        if (stringWidth(`…/${name}`) <= cells) expect(short.endsWith(name)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
