import { styleText } from 'node:util';
import stringWidth from 'string-width';
import type { DedupePlan, Group, GroupPhoto } from '../../library/dedupe/plan.ts';
import type { Kind } from '../../library/dedupe/stars.ts';
import { scoreText } from '../result-row.ts';
import { bytes, count, printable } from '../text.ts';
import { shortenPath } from './shorten.ts';
import type { Terminal } from './terminal.ts';

const TITLES: Readonly<Record<Kind, string>> = {
  identical: 'Identical',
  same: 'Same picture',
  burst: 'Burst',
  similar: 'Similar',
};

/** Cells in front of a path. */
const MARGIN = '         ';

/** A block a group: the keeper, those that would go, the reasons under each, and what to beware of. */
export function renderGroups({ groups }: Pick<DedupePlan, 'groups'>, terminal: Terminal): string {
  return groups.map((group, i) => renderGroup(group, i + 1, terminal)).join('\n');
}

function renderGroup({ kind, keeper, others, warnings, isLarge }: Group, number: number, terminal: Terminal): string {
  const style = (format: 'bold' | 'dim' | 'green' | 'yellow', text: string): string =>
    terminal.color ? styleText(format, text, { validateStream: false }) : text;
  const freed = bytes(others.reduce((sum, other) => sum + other.bytes, 0));
  const title = `${number}. ${TITLES[kind]}: ${count(others.length + 1, 'photo')}, ${freed} to free`;
  const room = terminal.columns === null ? Number.POSITIVE_INFINITY : terminal.columns - MARGIN.length;
  const lines = (photo: GroupPhoto, reason: string): string[] => {
    const more = photo.files.length - 1;
    const beside = more === 0 ? '' : `, with ${count(more, 'file')} beside it`;
    return [
      shortenPath(photo.file, room, stringWidth),
      style('dim', printable(`${bytes(photo.bytes)}${beside}; ${reason}`)),
    ];
  };
  const entry = (label: string, [first = '', ...rest]: string[]): string =>
    [label.padEnd(MARGIN.length) + first, ...rest.map((line) => MARGIN + line)].map((line) => `${line}\n`).join('');
  return [
    `${style('bold', title)}\n`,
    entry('  keep', lines(keeper, keeper.reason)).replace('keep', style('green', 'keep')),
    ...others.map((other) => entry('  go', lines(other, `${scoreText(other.score)}, ${other.reason}`))),
    ...warnings.map((warning) => `${MARGIN}${style('yellow', `Beware: ${warning}.`)}\n`),
    isLarge ? `${MARGIN}${style('yellow', 'So large a group is shown only: look at it folder by folder.')}\n` : '',
  ].join('');
}

/** A line on all groups, and one on what could not be compared. */
export function summaryOf({ groups, bytes: freed, photos, gone }: DedupePlan): string[] {
  const going = groups.filter(({ isLarge }) => !isLarge).reduce((sum, { others }) => sum + others.length, 0);
  const found =
    groups.length === 0
      ? `No doubles among ${count(photos, 'photo')}.`
      : `${count(groups.length, 'group')} among ${count(photos, 'photo')}: ${count(going, 'photo')} could go, ${bytes(freed)}.`;
  const away = `${count(gone, 'photo')} of the index ${gone === 1 ? 'is' : 'are'} gone, or on a drive that is away, and left out.`;
  return gone === 0 ? [found] : [found, away];
}
