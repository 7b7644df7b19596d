import type { Size } from './layout.ts';

/** RGB rows that pictures are copied onto: thousands of pictures cost no more than their pixels. */
export class Canvas {
  readonly pixels: Uint8Array;
  readonly #width: number;

  /** `ground` is "#rrggbb". */
  constructor({ width, height }: Size, ground: string) {
    this.pixels = new Uint8Array(width * height * 3);
    this.#width = width;
    const color = Buffer.from(ground.slice(1), 'hex');
    for (let i = 0; i < this.pixels.length; i += 3) this.pixels.set(color, i);
  }

  /** Copies RGB rows with their upper left corner to (x, y); they must lie inside. */
  place(pixels: Uint8Array, { width, height }: Size, x: number, y: number): void {
    for (let row = 0; row < height; row += 1) {
      this.pixels.set(pixels.subarray(row * width * 3, (row + 1) * width * 3), ((y + row) * this.#width + x) * 3);
    }
  }
}
