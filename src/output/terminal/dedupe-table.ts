import { styleText } from 'node:util';
import stringWidth from 'string-width';
import type { Decision } from '../../library/dedupe/decisions.ts';
import { freedBy, type Group, type GroupPhoto, LARGEST_GROUP } from '../../library/dedupe/groups.ts';
import type { DedupePlan } from '../../library/dedupe/plan.ts';
import type { Kind } from '../../library/dedupe/stars.ts';
import { scoreText } from '../result-row.ts';
import { bytes, count, printable } from '../text.ts';
import { shortenPath } from './shorten.ts';
import type { Terminal } from './terminal.ts';

/** What each kind is called. */
export const TITLES: Readonly<Record<Kind, string>> = {
  identical: 'Identical',
  same: 'Same picture',
  burst: 'Burst',
  similar: 'Similar',
};

/** Of a group that is too large to be acted on unasked: why, and how to. */
export const SHOWN_ONLY = `So large a group is shown only (more than ${LARGEST_GROUP}): look at it folder by folder, or let its photos go in --review.`;

/** Cells in front of a path. */
const MARGIN = '         ';

/** A block a group: the keeper, those that would go, those that were kept, the reasons under each, what to beware of. */
export function renderGroups({ groups }: Pick<DedupePlan, 'groups'>, terminal: Terminal): string {
  return groups.map((group, i) => renderGroup(group, `${i + 1}. `, terminal)).join('\n');
}

/** What becomes of each photo of a group, in the order in which they are shown. */
export function rolesOf({
  keeper,
  alsoKept,
  others,
  kept,
  isLarge,
}: Group): { readonly role: Role; readonly photo: GroupPhoto }[] {
  return [
    { role: 'keep', photo: keeper },
    ...alsoKept.map((photo) => ({ role: 'keep' as const, photo })),
    ...others.map((photo) => ({ role: isLarge ? ('alike' as const) : ('go' as const), photo })),
    ...kept.map((photo) => ({ role: 'kept' as const, photo })),
  ];
}

/** In a group that is only shown, photos are like the one that would stay, and do not go. */
export type Role = 'keep' | 'go' | 'kept' | 'alike';

/** "Burst: 3 photos, 12 MB to free". */
export function titleOf(group: Group): string {
  return `${TITLES[group.kind]}: ${sizeOf(group)}`;
}

/** "3 photos, 12 MB to free"; of a group that is only shown, nothing is to be freed. */
export function sizeOf(group: Group): string {
  const { alsoKept, others, kept, isLarge } = group;
  const photos = count(1 + alsoKept.length + others.length + kept.length, 'photo');
  if (isLarge) return photos;
  const freed = freedBy([group]);
  return `${photos}, ${freed === 0 ? 'nothing' : bytes(freed)} to free`;
}

/** @param numbered Whether the photos are, from 1 */
export function renderGroup(group: Group, before: string, terminal: Terminal, numbered = false): string {
  const style = (format: 'bold' | 'dim' | 'green' | 'yellow', text: string): string =>
    terminal.color ? styleText(format, text, { validateStream: false }) : text;
  const room = terminal.columns === null ? Number.POSITIVE_INFINITY : terminal.columns - MARGIN.length;
  const entry = ({ role, photo }: { role: Role; photo: GroupPhoto }, i: number): string => {
    const more = photo.files.length - 1;
    const beside = more === 0 ? '' : `, with ${count(more, 'file')} beside it`;
    const score = 'score' in photo ? `${scoreText(photo.score as number)}, ` : '';
    const facts = `${photo.isNew ? 'new; ' : ''}${bytes(photo.bytes)}${beside}; ${score}${photo.reason}`;
    const label = numbered ? `${String(i + 1).padStart(2)} ${role}` : `  ${role}`;
    return [
      `${label.padEnd(MARGIN.length).replace('keep', style('green', 'keep'))}${shortenPath(photo.file, room, stringWidth)}\n`,
      `${MARGIN}${style('dim', printable(facts))}\n`,
    ].join('');
  };
  return [
    `${style('bold', before + titleOf(group))}\n`,
    ...rolesOf(group).map(entry),
    ...group.warnings.map((warning) => `${MARGIN}${style('yellow', `Beware: ${warning}.`)}\n`),
    group.isLarge ? `${MARGIN}${style('yellow', SHOWN_ONLY)}\n` : '',
  ].join('');
}

/** What was decided, a block each. */
export function renderDecisions(decisions: readonly Decision[], terminal: Terminal): string {
  const room = terminal.columns === null ? Number.POSITIVE_INFINITY : terminal.columns - MARGIN.length;
  const entry = (role: Role, { path }: { readonly path: string }): string =>
    `${`  ${role}`.padEnd(MARGIN.length)}${shortenPath(path, room, stringWidth)}\n`;
  return decisions
    .map(({ id, decided, kind, keep, go }) =>
      [
        `${id}. ${TITLES[kind]}, ${go.length === 0 ? 'all to stay' : 'one to stay'}, decided on ${decided.slice(0, 10)}\n`,
        ...keep.map((photo) => entry('keep', photo)),
        ...go.map((photo) => entry('go', photo)),
      ].join(''),
    )
    .join('\n');
}

/** A line on all groups, one on those that are shown only, on those to beware of, and on what could not be compared. */
export function summaryOf({ groups, bytes: freed, photos, gone }: DedupePlan): string[] {
  const going = groups.filter(({ isLarge }) => !isLarge).reduce((sum, { others }) => sum + others.length, 0);
  const found =
    groups.length === 0
      ? `No doubles among ${count(photos, 'photo')}.`
      : `${count(groups.length, 'group')} among ${count(photos, 'photo')}: ${count(going, 'photo')} could go, ${bytes(freed)}.`;
  const large = groups.filter(({ isLarge }) => isLarge).length;
  const shown = `${count(large, 'group')} of more than ${LARGEST_GROUP} ${large === 1 ? 'is' : 'are'} shown only, and not counted.`;
  const lacking = groups.filter(({ warnings }) => warnings.length > 0).length;
  const beware = `In ${count(lacking, 'group')} the one that stays lacks what another has: beware.`;
  const away = `${count(gone, 'photo')} of the index ${gone === 1 ? 'is' : 'are'} gone, or on a drive that is away, and left out.`;
  return [found, ...(large === 0 ? [] : [shown]), ...(lacking === 0 ? [] : [beware]), ...(gone === 0 ? [] : [away])];
}

/** Photos that are named of those that are not there. */
const NAMED = 5;

/** How many photos are there already in what they are compared against, and a few of those that are not, a line each. */
export function presenceOf({ against }: Pick<DedupePlan, 'against'>): string[] {
  if (against === null) return [];
  const { there, missing } = against;
  const of = `${count(there + missing.length, 'photo')}, ${there.toLocaleString('en-US')} ${there === 1 ? 'is' : 'are'} there already`;
  if (missing.length === 0) return [`Of ${of}.`];
  const more = missing.length - NAMED;
  return [
    `Of ${of}, and ${missing.length.toLocaleString('en-US')} ${missing.length === 1 ? 'is' : 'are'} not:`,
    ...missing.slice(0, NAMED).map((file) => `  ${printable(file)}`),
    ...(more <= 0 ? [] : [`  and ${more.toLocaleString('en-US')} more; --json lists them all.`]),
  ];
}

/** What of all that could go does not unless it is asked for, as one line; null where there is nothing of it. */
export function merelySimilar({ groups }: Pick<DedupePlan, 'groups'>): string | null {
  const similar = groups.filter(({ kind, isLarge }) => kind === 'similar' && !isLarge);
  const alike = similar.reduce((sum, { others }) => sum + others.length, 0);
  if (alike === 0) return null;
  return `${count(alike, 'photo')} of these ${alike === 1 ? 'is' : 'are'} merely similar, and only ${alike === 1 ? 'goes' : 'go'} with --kind similar.`;
}
