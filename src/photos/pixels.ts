export interface Size {
  readonly width: number;
  readonly height: number;
}

/** 8-bit RGB pixels, interleaved, rows from the top, no padding. */
export interface RgbImage extends Size {
  readonly data: Uint8Array;
}
