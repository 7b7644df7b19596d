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

/** Where the square in the middle lies. */
export function centreSquare({ width, height }: Size): Frame {
  const side = Math.min(width, height);
  return { left: (width - side) >> 1, top: (height - side) >> 1, width: side, height: side };
}
