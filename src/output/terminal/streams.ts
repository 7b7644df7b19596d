import type { UserError } from '../../errors.ts';
import type { World } from '../../world.ts';
import { printable } from '../text.ts';

/** One JSON document, alone on stdout. */
export function writeJson<Document extends { readonly schema: string }>(world: World, document: Document): void {
  world.stdout.write(`${JSON.stringify(document)}\n`);
}

/** A line for people; names in it are made printable here, once. */
export function writeLine(stream: NodeJS.WriteStream, line: string): void {
  stream.write(`${printable(line)}\n`);
}

/** The error as people and as programs read it. */
export function writeError(world: World, error: UserError, json: boolean): void {
  if (json) {
    const { code, message, hint } = error;
    writeJson(world, { schema: 'curate.error/1', error: { code, message, hint } });
  }
  writeLine(world.stderr, `curate: ${error.message}`);
  if (error.hint !== null) writeLine(world.stderr, `  ${error.hint}`);
}
