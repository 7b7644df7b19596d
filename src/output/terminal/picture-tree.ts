import { dollars } from '../../picture/cost/dollars.ts';
import type { Original } from '../../picture/lineage/files.ts';
import type { Lineage } from '../../picture/lineage/lineage.ts';

interface Generation {
  readonly lineage: Lineage;
  readonly originals: readonly Original[];
}

/** A picture, the photos it was made from, and below them the picture it was refined from, and so on: a line each. */
export function lineageTree([self, ...ancestors]: readonly Generation[]): string[] {
  if (self === undefined) return [];
  const { lineage, originals } = self;
  const parent = lineageTree(ancestors);
  const missing = lineage.parent !== null && parent.length === 0 ? [`${lineage.parent.path} (lineage not found)`] : [];
  const photos = originals.filter(({ role }) => role !== 'picture').map(photoLine);
  const branches = [
    ...photos.map((line) => [line]),
    ...(parent.length > 0 ? [parent] : []),
    ...missing.map((line) => [line]),
  ];
  return [...heading(lineage), ...branches.flatMap((branch, i) => indent(branch, i === branches.length - 1))];
}

function heading({ picture, verb, request, model, parameters, cost, prompt }: Lineage): string[] {
  const when = request.started.slice(0, 16).replace('T', ' ');
  const price = cost.actualUsd === null ? 'cost unknown' : dollars(cost.actualUsd);
  return [
    `${picture.path}  ${picture.width}x${picture.height}, ${verb} of ${when} UTC, ${model}, quality ${parameters.quality}, ${price}`,
    `  "${prompt}"`,
  ];
}

function photoLine({ file, role, score, state }: Original): string {
  const marks = [role, ...(score === null ? [] : [score.toFixed(2)]), ...(state === 'same' ? [] : [state])];
  return `${file}  (${marks.join(', ')})`;
}

function indent([first = '', ...rest]: readonly string[], last: boolean): string[] {
  return [`${last ? '└─ ' : '├─ '}${first}`, ...rest.map((line) => `${last ? '   ' : '│  '}${line}`)];
}
