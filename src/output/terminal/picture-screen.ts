import type { MakeEvent } from '../../picture/make.ts';
import type { World } from '../../world.ts';
import { drawPicture } from './draw-picture.ts';
import { writeLine } from './streams.ts';

/** Shows on stderr what making a picture reports, in order; drawing takes a moment, and the next line waits for it. */
export class PictureScreen {
  readonly #world: World;
  #shown: Promise<void> = Promise.resolve();

  constructor(world: World) {
    this.#world = world;
  }

  show(event: MakeEvent): void {
    this.#shown = this.#shown.then(async () => {
      const line = lineOf(event);
      if (line !== null) writeLine(this.#world.stderr, line);
      if (event.kind === 'partial') await drawPicture(this.#world, event.bytes);
    });
  }

  /** Resolves when everything that was reported stands there. */
  settled(): Promise<void> {
    return this.#shown;
  }
}

function lineOf(event: MakeEvent): string | null {
  switch (event.kind) {
    case 'waiting':
      return `The server asks to wait ${Math.ceil(event.seconds)} s; then it is asked again.`;
    case 'partial':
      return `Partial picture ${event.index + 1}: ${event.file}`;
    case 'saved': {
      const { picture, format, asked } = event;
      if (format === asked) return null;
      return `${picture.path} is a ${format.toUpperCase()}, although ${asked.toUpperCase()} was asked for.`;
    }
  }
}
