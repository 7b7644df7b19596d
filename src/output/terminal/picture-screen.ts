import stringWidth from 'string-width';
import { parseSize } from '../../picture/image-models/size.ts';
import type { MakeEvent } from '../../picture/make.ts';
import type { World } from '../../world.ts';
import { duration } from '../text.ts';
import { drawPicture } from './draw-picture.ts';
import { shortenMiddle } from './shorten.ts';
import { writeLine } from './streams.ts';
import { canDraw } from './terminal.ts';

/**
 * Shows on stderr what making a picture reports, in order; drawing takes a moment, and the next line waits for it. While
 * the picture is awaited a terminal shows for how long, and what Ctrl-C does.
 */
export class PictureScreen {
  readonly #world: World;
  #shown: Promise<void> = Promise.resolve();
  #wait: Wait | null = null;

  constructor(world: World) {
    this.#world = world;
  }

  show(event: MakeEvent): void {
    if (event.kind === 'sent') this.#wait ??= startWait(this.#world);
    else if (event.kind !== 'partial') this.#endWait();
    this.#shown = this.#shown.then(async () => {
      this.#wait?.hide();
      for (const line of linesOf(event)) writeLine(this.#world.stderr, line);
      // What cannot be drawn is on the disk all the same.
      if (event.kind === 'partial') await drawPicture(this.#world, event.bytes).catch(() => undefined);
    });
  }

  /** Resolves when everything that was reported stands there. */
  async settled(): Promise<void> {
    this.#endWait();
    await this.#shown;
  }

  #endWait(): void {
    this.#wait?.end();
    this.#wait = null;
  }
}

interface Wait {
  /** Takes the line away until the next second. */
  hide(): void;
  end(): void;
}

/** To the first column, and nothing left on the line. */
const ERASE = '\r\u001b[2K';

/** A line that counts the seconds; null where lines cannot be redrawn. */
function startWait(world: World): Wait | null {
  const { stderr, interrupted } = world;
  if (!canDraw(world, stderr)) return null;
  const started = world.elapsed();
  let isDrawn = false;
  const draw = (): void => {
    if (interrupted.aborted) return;
    const waited = duration(Math.floor((world.elapsed() - started) / 1000));
    const line = `Waiting for the picture: ${waited}. Ctrl-C gives up, but it may be billed.`;
    stderr.write(ERASE + shortenMiddle(line, (stderr.columns || 80) - 1, stringWidth));
    isDrawn = true;
  };
  const hide = (): void => {
    if (isDrawn) stderr.write(ERASE);
    isDrawn = false;
  };
  const timer = setInterval(draw, 1000);
  timer.unref();
  interrupted.addEventListener('abort', hide, { once: true });
  return {
    hide,
    end: () => {
      clearInterval(timer);
      interrupted.removeEventListener('abort', hide);
      hide();
    },
  };
}

function linesOf(event: MakeEvent): string[] {
  switch (event.kind) {
    case 'sent':
      return [];
    case 'waiting':
      return [`The server asks to wait ${Math.ceil(event.seconds)} s; then it is asked again. Ctrl-C ends that.`];
    case 'partial':
      return [`Partial picture ${event.index + 1}${event.file === null ? ' could not be written' : `: ${event.file}`}`];
    case 'saved': {
      const { picture, format, asked, size } = event;
      const { path, width, height } = picture;
      const wanted = parseSize(size);
      const isOther = wanted !== null && (wanted.width !== width || wanted.height !== height);
      return [
        ...(format === asked
          ? []
          : [`${path} is a ${format.toUpperCase()}, although ${asked.toUpperCase()} was asked for.`]),
        ...(isOther ? [`${path} has ${width}x${height} pixels, although ${size} was asked for.`] : []),
      ];
    }
  }
}
