import stringWidth from 'string-width';
import type { Fitted } from '../picture/budget.ts';
import { dollars, type Estimate } from '../picture/cost.ts';
import { endpointName } from '../picture/endpoint.ts';
import type { PlannedReference } from '../picture/plan.ts';
import type { EndpointKind, Parameters } from '../picture/port.ts';
import type { World } from '../world.ts';
import { shortenPath } from './shorten.ts';
import { writeLine } from './streams.ts';
import { table } from './table.ts';
import { bytes, count } from './text.ts';

/** A candidate that is not sent, and why. */
export interface Unused {
  readonly file: string;
  readonly score: number | null;
  readonly reason: string;
}

export interface Announced {
  readonly endpoint: EndpointKind;
  readonly model: string;
  readonly parameters: Parameters;
  readonly references: readonly PlannedReference[];
  readonly unused: readonly Unused[];
  readonly fitted: Fitted;
  /** The turn of a conversation that is gone on from; null when there is none. */
  readonly previousResponseId: string | null;
  readonly dryRun: boolean;
}

/** Says, before anything is sent, which pixels go where, how they are used and what it will cost. */
export function announce(world: World, announced: Announced): void {
  const { references, unused, fitted, model, parameters, dryRun } = announced;
  const say = (line: string): void => writeLine(world.stderr, line);
  const size = references.reduce((sum, { reference }) => sum + reference.bytes.length, 0);
  const pictures = `${count(references.length, 'picture')}, ${bytes(size)}, as JPEG without metadata`;
  const goes = dryRun ? 'Would go to' : 'Goes to';
  say(`${goes} ${endpointName(announced.endpoint)}: ${references.length === 0 ? 'the prompt alone' : pictures}`);
  const room = pathRoom(world);
  world.stderr.write(referenceTable(references, room));
  if (announced.previousResponseId !== null)
    say('  The pictures before stand in the conversation; they are not sent again.');
  if (unused.length > 0) {
    say(`Not used: ${count(unused.length, 'photo')}`);
    world.stderr.write(unusedTable(unused, room));
  }
  const { size: pixels, quality: wanted, n, format } = parameters;
  const quality = fitted.quality === wanted ? wanted : `${fitted.quality} (not ${wanted})`;
  say(`Makes: ${count(n, 'picture')} by ${model}, ${pixels}, quality ${quality}, ${format.toUpperCase()}`);
  say(`Costs: ${costText(fitted.estimate)}`);
  if (fitted.dropped.length > 0) say(`Dropped to keep the budget: ${fitted.dropped.join('; ')}`);
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

function unusedTable(unused: readonly Unused[], room: number): string {
  const rows = unused.map(({ file, score, reason }) => [
    `  ${score === null ? '' : score.toFixed(2)}`,
    shortenPath(file, room, stringWidth),
    reason,
  ]);
  return table(rows, ['left', 'left', 'left']);
}

/** "about $0.13 (text 60, pictures 9,216, output 1,756 tokens)" */
export function costText({ usd, unknown, textTokens, imageTokens, outputTokens }: Estimate): string {
  const number = (value: number | null): string => (value === null ? 'unknown' : value.toLocaleString('en-US'));
  const tokens = `text ${number(textTokens)}, pictures ${number(imageTokens)}, output ${number(outputTokens)} tokens`;
  return usd === null ? `unknown, because ${unknown} (${tokens})` : `about ${dollars(usd)} (${tokens})`;
}
