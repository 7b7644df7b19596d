import type { World } from '../../world.ts';

/** Pixels of one cell of a terminal. */
export interface CellPixels {
  readonly width: number;
  readonly height: number;
}

/** Where the terminal does not say. */
const USUAL: CellPixels = { width: 10, height: 20 };
/** For the answer of a terminal at the other end of a slow line. */
const PATIENCE_MS = 1000;
/** "How many pixels has a cell?", and "What are you?" (primary device attributes), which every terminal answers: that ends the waiting. */
const QUESTION = '\x1b[16t\x1b[c';
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what terminals answer with
const ATTRIBUTES = /\x1b\[\?([\d;]*)c/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const CELL = /\x1b\[6;(\d+);(\d+)t/;
/** Of the device attributes: https://vt100.net/docs/vt510-rm/DA1.html */
const SIXEL = '4';

/**
 * Asks the terminal whether it draws sixels; null where it does not, and where there is nobody to ask. Names of terminals
 * say nothing of it: many that draw sixels call themselves xterm, and most that do so do not. What is typed meanwhile is
 * lost, so it is asked only where pictures are about to be drawn.
 */
export async function askForSixel({ env, stdin, stdout, interrupted }: World): Promise<CellPixels | null> {
  if (!stdin.isTTY || !stdout.isTTY || interrupted.aborted) return null;
  // A multiplexer answers for itself, and swallows pictures unless it is set up for them.
  if (env.TMUX !== undefined || /^(screen|tmux|dumb|linux)/.test(env.TERM ?? '')) return null;
  const wasRaw = stdin.isRaw;
  stdin.setRawMode(true);
  try {
    return meaningOf(await answerTo(QUESTION, stdin, stdout, interrupted));
  } finally {
    stdin.setRawMode(wasRaw);
    stdin.pause();
  }
}

/** What comes on standard input until the attributes are there, or nothing for too long. */
function answerTo(
  question: string,
  stdin: NodeJS.ReadStream,
  stdout: NodeJS.WriteStream,
  interrupted: AbortSignal,
): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const end = (): void => {
      clearTimeout(timer);
      stdin.off('data', take);
      interrupted.removeEventListener('abort', end);
      resolve(answer);
    };
    const take = (chunk: Buffer | string): void => {
      answer += chunk.toString();
      if (ATTRIBUTES.test(answer)) end();
    };
    const timer = setTimeout(end, PATIENCE_MS);
    interrupted.addEventListener('abort', end);
    stdin.on('data', take);
    stdin.resume();
    stdout.write(question);
  });
}

function meaningOf(answer: string): CellPixels | null {
  const [, attributes = ''] = ATTRIBUTES.exec(answer) ?? [];
  // The first says which generation of terminal it is.
  if (!attributes.split(';').slice(1).includes(SIXEL)) return null;
  const [, height = 0, width = 0] = (CELL.exec(answer) ?? []).map(Number);
  return width > 0 && height > 0 ? { width, height } : USUAL;
}

/** The escape sequence that draws RGB rows of `width` x `height` pixels, in 256 colours of their own. */
export async function sixels(rgb: Uint8Array, width: number, height: number): Promise<string> {
  const { image2sixel } = await import('sixel');
  // An array of its own: the encoder reads all of the memory behind it.
  const rgba = new Uint8Array(width * height * 4).fill(255);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) rgba.set(rgb.subarray(from, from + 3), to);
  return image2sixel(rgba, width, height);
}
