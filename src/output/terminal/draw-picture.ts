import type { World } from '../../world.ts';

type Protocol = 'iterm' | 'kitty';

const WIDEST = 480;
/** Longest piece of data in one escape sequence of the kitty protocol. */
const PIECE = 4096;

/** Which way of drawing pictures the terminal behind a stream has said it knows; null for none. */
export function protocolOn({ env }: World, stream: NodeJS.WriteStream): Protocol | null {
  // Multiplexers swallow or garble the sequences.
  if (!stream.isTTY || env.TMUX !== undefined || /^(screen|tmux|dumb)/.test(env.TERM ?? '')) return null;
  if (env.KITTY_WINDOW_ID !== undefined || /kitty|ghostty/.test(`${env.TERM} ${env.TERM_PROGRAM}`)) return 'kitty';
  return /^(iTerm\.app|WezTerm|mintty)$/.test(env.TERM_PROGRAM ?? '') ? 'iterm' : null;
}

/** Draws a picture, reduced, where the terminal can; does nothing elsewhere. A picture that does not decode is left out. */
export async function drawPicture(world: World, bytes: Uint8Array): Promise<void> {
  const protocol = protocolOn(world, world.stderr);
  if (protocol === null) return;
  const { default: sharp } = await import('sharp');
  const small = await sharp(bytes)
    .resize({ width: WIDEST, height: WIDEST, fit: 'inside', withoutEnlargement: true })
    .png()
    .toBuffer()
    .catch(() => null);
  if (small !== null) world.stderr.write(`${drawing(protocol, small)}\n`);
}

/** The escape sequences that draw a PNG. @param columns cells that it is to be wide; as wide as its pixels when absent */
export function drawing(protocol: Protocol, png: Buffer, columns?: number): string {
  const data = png.toString('base64');
  // https://iterm2.com/documentation-images.html
  if (protocol === 'iterm')
    return `\x1b]1337;File=inline=1;size=${png.length};${columns === undefined ? '' : `width=${columns};`}preserveAspectRatio=1:${data}\x07`;
  // https://sw.kovidgoyal.net/kitty/graphics-protocol/: action "transmit and display", format PNG, no replies.
  const pieces = data.match(new RegExp(`.{1,${PIECE}}`, 'g')) ?? [];
  return pieces
    .map((piece, i) => {
      const more = i === pieces.length - 1 ? 0 : 1;
      return `\x1b_G${i === 0 ? `a=T,f=100,q=2,${columns === undefined ? '' : `c=${columns},`}` : ''}m=${more};${piece}\x1b\\`;
    })
    .join('');
}
