import type { World } from '../../world.ts';

/** What may be drawn on a stream. */
export interface Terminal {
  /** Cells in a line; null when nobody is looking (a pipe, a file), and then nothing is cut. */
  readonly columns: number | null;
  readonly color: boolean;
  /** Whether file names may be links (OSC 8). */
  readonly links?: boolean;
}

export function terminalOf(
  world: World,
  stream: NodeJS.WriteStream,
  settings: { readonly noColor: boolean },
): Terminal {
  if (!stream.isTTY) return { columns: null, color: false };
  return { columns: stream.columns || 80, color: !settings.noColor && !isDumb(world), links: knowsLinks(world) };
}

/** Whether a terminal has said that it knows OSC 8; others would show the sequence or nothing. */
function knowsLinks({ env }: World): boolean {
  const { TERM = '', TERM_PROGRAM = '', TMUX, VTE_VERSION, WT_SESSION, KITTY_WINDOW_ID } = env;
  // Multiplexers swallow or garble the sequences unless they are set up for them.
  if (TMUX !== undefined || /^(screen|tmux|dumb)/.test(TERM)) return false;
  if (WT_SESSION !== undefined || KITTY_WINDOW_ID !== undefined || Number(VTE_VERSION) >= 5000) return true;
  return (
    /^(iTerm\.app|WezTerm|vscode|ghostty|Hyper|zed)$/.test(TERM_PROGRAM) || /kitty|ghostty|alacritty|foot/.test(TERM)
  );
}

/** Whether lines may be redrawn in place, and pictures drawn: a dumb terminal would show the sequences themselves. */
export function canDraw(world: World, stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && !isDumb(world);
}

export function isDumb(world: World): boolean {
  return world.env.TERM === 'dumb';
}
