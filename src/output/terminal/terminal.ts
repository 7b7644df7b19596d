import type { World } from '../../world.ts';

/** What may be drawn on a stream. */
export interface Terminal {
  /** Cells in a line; null when nobody is looking (a pipe, a file), and then nothing is cut. */
  readonly columns: number | null;
  readonly color: boolean;
}

export function terminalOf(
  world: World,
  stream: NodeJS.WriteStream,
  settings: { readonly noColor: boolean },
): Terminal {
  if (!stream.isTTY) return { columns: null, color: false };
  return { columns: stream.columns || 80, color: !settings.noColor && !isDumb(world) };
}

/** Whether lines may be redrawn in place. */
export function canRedraw(world: World, stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && !isDumb(world);
}

function isDumb(world: World): boolean {
  return world.env.TERM === 'dumb';
}
