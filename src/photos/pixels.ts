export interface Size {
  readonly width: number;
  readonly height: number;
}

/** 8-bit RGB pixels, interleaved, rows from the top, no padding. */
export interface RgbImage extends Size {
  readonly data: Uint8Array;
  /** Where the photo lies in it, when not on exactly all of it: pixels at an edge of a reduced one may reach beyond. */
  readonly frame?: Frame;
}

/** In pixels, which need not be whole. */
export interface Frame extends Size {
  readonly left: number;
  readonly top: number;
}

/** A copy of the square in the middle. */
export function centreSquare({ data, width, height }: RgbImage): RgbImage {
  const side = Math.min(width, height);
  const [left, top] = [(width - side) >> 1, (height - side) >> 1];
  const square = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    const from = ((top + y) * width + left) * 3;
    square.set(data.subarray(from, from + side * 3), y * side * 3);
  }
  return { data: square, width: side, height: side };
}
