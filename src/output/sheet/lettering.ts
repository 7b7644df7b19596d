import { existsSync, readFileSync } from 'node:fs';
import stringWidth from 'string-width';
import type { World } from '../../world.ts';
import { escaped } from '../pages/html.ts';
import type { Measure } from '../terminal/shorten.ts';

/** Outlines in thousandths of the font size, y downwards from the baseline. */
interface Glyph {
  readonly advance: number;
  readonly path: string;
}

export interface Lettering {
  /** Width of a text in pixels at this font size. */
  measure(size: number): Measure;
  /** The text as SVG with its baseline at (x, y). */
  draw(text: string, x: number, y: number, size: number, fill: string): string;
}

/**
 * Letters for pictures. They are drawn from outlines that travel with curate (Noto Sans, see assets/sheet-font):
 * a machine without fonts would letter nothing, and fontconfig would complain on stderr. Only names in scripts
 * that the outlines lack are left to the fonts of the system, where it has any.
 */
export function loadLettering(world: World): Lettering {
  const glyphs = readGlyphs();
  const unknown = glyphs.get('\ufffd');
  const systemFonts = hasSystemFonts(world);
  const letters = (text: string): (Glyph | undefined)[] =>
    Array.from(text.normalize('NFC'), (character) => glyphs.get(character));
  const isForSystem = (found: readonly (Glyph | undefined)[]): boolean => systemFonts && found.includes(undefined);
  return {
    measure: (size) => (text) => {
      const found = letters(text);
      // What the system's fonts will draw can only be guessed; 0.62 em is generous for one cell.
      if (isForSystem(found)) return stringWidth(text) * 0.62 * size;
      return found.reduce((sum, glyph) => sum + ((glyph ?? unknown)?.advance ?? 0), 0) * (size / 1000);
    },
    draw: (text, x, y, size, fill) => {
      const found = letters(text);
      if (isForSystem(found)) {
        return `<text x="${x}" y="${y}" font-family="Noto Sans, sans-serif" font-size="${size}" fill="${fill}">${escaped(text)}</text>`;
      }
      const scale = size / 1000;
      let at = 0;
      const paths = found.map((glyph) => {
        const { advance, path } = glyph ?? unknown ?? { advance: 0, path: '' };
        const drawn = path === '' ? '' : `<path transform="translate(${at} 0)" d="${path}"/>`;
        at += advance;
        return drawn;
      });
      return `<g transform="translate(${x} ${y}) scale(${scale})" fill="${fill}">${paths.join('')}</g>`;
    },
  };
}

function readGlyphs(): ReadonlyMap<string, Glyph> {
  const text = readFileSync(new URL('../../../assets/sheet-font/glyphs.tsv', import.meta.url), 'utf8');
  return new Map(
    text.split('\n').flatMap((line) => {
      const [character, advance, path] = line.split('\t');
      return character === undefined || advance === undefined || path === undefined
        ? []
        : [[character, { advance: Number(advance), path }] as const];
    }),
  );
}

function hasSystemFonts({ platform, env }: World): boolean {
  if (platform === 'darwin' || platform === 'win32') return true;
  return env.FONTCONFIG_FILE !== undefined || env.FONTCONFIG_PATH !== undefined || existsSync('/etc/fonts/fonts.conf');
}
