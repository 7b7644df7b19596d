import stringWidth from 'string-width';
import type { Estimate } from '../../picture/cost/cost.ts';
import { dollars } from '../../picture/cost/dollars.ts';
import type { Made } from '../../picture/make.ts';
import type { Offer } from '../../picture/offer.ts';
import { endpointName } from '../../picture/openai/endpoint.ts';
import { groupByReason, type PlannedReference, type Unused } from '../../picture/plan.ts';
import type { World } from '../../world.ts';
import { bytes, count } from '../text.ts';
import { shortenPath } from './shorten.ts';
import { writeLine } from './streams.ts';
import { table } from './table.ts';

/** Says, before anything is sent, which pixels go where, how they are used and what it will cost. */
export function announce(world: World, offer: Offer, { dryRun }: { readonly dryRun: boolean }): void {
  const { references, unused, parameters, wantedQuality } = offer;
  const say = (line: string): void => writeLine(world.stderr, line);
  const size = references.reduce((sum, { reference }) => sum + reference.bytes.length, 0);
  const pictures = `${count(references.length, 'picture')}, ${bytes(size)}, as JPEG without metadata`;
  const goes = dryRun ? 'Would go to' : 'Goes to';
  say(`${goes} ${endpointName(offer.endpoint)}: ${references.length === 0 ? 'the prompt alone' : pictures}`);
  const room = pathRoom(world);
  world.stderr.write(referenceTable(references, room));
  if (offer.conversation?.previousResponseId != null)
    say('  The pictures before stand in the conversation; they are not sent again.');
  if (unused.length > 0) {
    say(`Not used: ${count(unused.length, 'photo')}`);
    world.stderr.write(unusedTable(unused, room));
  }
  const { size: pixels, quality: fitted, complexity, n, format } = parameters;
  const quality = fitted === wantedQuality ? fitted : `${fitted} (not ${wantedQuality})`;
  const thought = complexity === null ? '' : `, complexity ${complexity}`;
  const made = `${pixels}, quality ${quality}${thought}, ${format.toUpperCase()}`;
  say(`Makes: ${count(n, 'picture')} by ${offer.model.id}, ${made}`);
  say(`Costs: ${costText(offer.estimate)}`);
  if (offer.dropped.length > 0) say(`Dropped to keep the budget: ${offer.dropped.join('; ')}`);
}

/** The pictures' paths on standard output; size, lineage and cost on standard error. */
export function reportMade(world: World, { offer, pictures, usage, actualUsd, isCostDoubtful, shortfall }: Made): void {
  for (const { path, width, height, bytes: size, lineage } of pictures) {
    writeLine(world.stdout, path);
    writeLine(world.stderr, `${width}x${height}, ${bytes(size)}; how it was made: ${lineage}`);
  }
  if (shortfall !== null) {
    const { said, kept } = shortfall;
    writeLine(world.stderr, `${said}${kept.length === 0 ? '' : ` What came is kept as ${kept.join(', ')}.`}`);
  }
  const { usd } = offer.estimate;
  const estimated = usd === null ? '' : ` (estimated ${dollars(usd)})`;
  const unknown =
    usage === null ? 'unknown: the reply does not say' : 'unknown: neither the reply nor the price table tells';
  writeLine(world.stderr, `Cost: ${actualUsd === null ? unknown : dollars(actualUsd)}${estimated}`);
  if (isCostDoubtful) {
    const note = 'That is a sum, and doubtful: the same usage came with each picture, and may be that of the whole.';
    writeLine(world.stderr, note);
  }
}

/** Cells left for a path beside the other columns; unlimited where nobody looks. */
function pathRoom({ stderr }: World): number {
  return stderr.isTTY ? Math.max(24, (stderr.columns || 80) - 48) : Number.POSITIVE_INFINITY;
}

function referenceTable(references: readonly PlannedReference[], room: number): string {
  const rows = references.map(({ reference, role, score, reason }) => [
    `  ${role}`,
    shortenPath(reference.file, room, stringWidth),
    `${reference.width}x${reference.height}`,
    bytes(reference.bytes.length),
    score === null ? '' : score.toFixed(2),
    reason === role ? '' : reason,
  ]);
  return table(rows, ['left', 'left', 'right', 'right', 'right', 'left']);
}

/** More photos than this that were left out for one reason take one line together. */
const NAMED = 4;

function unusedTable(unused: readonly Unused[], room: number): string {
  const score = (photo: Unused): string => `  ${photo.score === null ? '' : photo.score.toFixed(2)}`;
  const rows = groupByReason(unused).flatMap(({ reason, photos }) => {
    const [first] = photos;
    if (first === undefined || photos.length <= NAMED) {
      return photos.map((photo) => [score(photo), shortenPath(photo.file, room, stringWidth), photo.reason]);
    }
    const others = ` and ${count(photos.length - 1, 'other')}`;
    return [[score(first), shortenPath(first.file, room - others.length, stringWidth) + others, reason]];
  });
  return table(rows, ['left', 'left', 'left']);
}

/** "about $0.13 (text 60, pictures 9,216, output 1,756 tokens)" */
export function costText({ usd, unknown, textTokens, imageTokens, outputTokens, fromReplies }: Estimate): string {
  const number = (value: number | null): string => (value === null ? 'unknown' : value.toLocaleString('en-US'));
  const tokens = `text ${number(textTokens)}, pictures ${number(imageTokens)}, output ${number(outputTokens)} tokens${fromReplies ? ', as your own earlier replies had it' : ''}`;
  return usd === null ? `unknown, because ${unknown} (${tokens})` : `about ${dollars(usd)} (${tokens})`;
}
