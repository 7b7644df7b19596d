import { imageTokens } from './cost/cost.ts';
import type { Found } from './lineage/files.ts';

/**
 * About how many tokens the pictures take that stand in a conversation: every turn adds those it sent and the one it
 * made, and all of them are paid again with each further turn.
 * @param line the picture of the last turn, then the one it was made from, and so on, as far as it is known
 */
export function rememberedTokens(line: readonly Found[]): number {
  const first = line.findIndex(({ lineage }) => lineage.previousResponseId === null);
  const turns = first === -1 ? line : line.slice(0, first + 1);
  return turns
    .flatMap(({ lineage: { picture, references } }) => [picture, ...references])
    .reduce((sum, { width, height }) => sum + imageTokens(width, height), 0);
}
