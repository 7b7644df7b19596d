import { BARS, type KindScore, percent } from '../../library/verify/score.ts';
import { table } from './table.ts';

const LABELS: Readonly<Record<KindScore['kind'], string>> = {
  unaltered: 'the photo itself',
  recompressed: 'recompressed (JPEG quality 30)',
  darker: 'darker by a stop',
  brighter: 'brighter by a stop',
  mirrored: 'mirrored',
  tilted: 'tilted by 4 degrees and cut',
  crop: 'centre crop, 70 % of each side',
  'corner-crop': 'corner crop, 70 % of each side',
  thumbnail: 'thumbnail of 160 pixels',
  turned: 'turned by 90 degrees',
};

/** How often each kind of query found its photo, a line per kind. */
export function renderScores(kinds: readonly KindScore[]): string {
  const rows = kinds.map(({ kind, recallAt1, recallAt6 }) => {
    const bar = BARS[kind];
    return [LABELS[kind], percent(recallAt1), percent(recallAt6), bar === null ? '' : percent(bar)];
  });
  return table([['Query', 'Found first', 'Among 6', 'At least'], ...rows], ['left', 'right', 'right', 'right']);
}
