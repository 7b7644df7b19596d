const SIDE = 8;

interface Options {
  readonly little?: boolean;
  /** Whether the last directory names the first as the next. */
  readonly loops?: boolean;
  /** Of the pixels of each page. */
  readonly greys?: readonly number[];
}

/** A TIFF of grey squares, one for each value of NewSubfileType. */
export function grayTiff(types: readonly number[], { little = true, loops = false, greys = [] }: Options = {}): Buffer {
  const pixels = SIDE * SIDE;
  const entries = 8;
  const size = pixels + 2 + entries * 12 + 4;
  const bytes = Buffer.alloc(8 + types.length * size);
  const short = (at: number, value: number) =>
    little ? bytes.writeUInt16LE(value, at) : bytes.writeUInt16BE(value, at);
  const long = (at: number, value: number) =>
    little ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at);
  const directoryOf = (page: number): number => 8 + page * size + pixels;
  bytes.write(little ? 'II' : 'MM', 'latin1');
  short(2, 42);
  long(4, directoryOf(0));
  for (const [page, type] of types.entries()) {
    bytes.fill(greys[page] ?? 128, 8 + page * size, directoryOf(page));
    let at = directoryOf(page);
    short(at, entries);
    at += 2;
    const tags: [tag: number, kind: 3 | 4, value: number][] = [
      [254, 4, type],
      [256, 3, SIDE],
      [257, 3, SIDE],
      [258, 3, 8],
      [262, 3, 1],
      [273, 4, 8 + page * size],
      [278, 3, SIDE],
      [279, 4, pixels],
    ];
    for (const [tag, kind, value] of tags) {
      short(at, tag);
      short(at + 2, kind);
      long(at + 4, 1);
      if (kind === 3) short(at + 8, value);
      else long(at + 8, value);
      at += 12;
    }
    const isLast = page === types.length - 1;
    long(at, isLast ? (loops ? directoryOf(0) : 0) : directoryOf(page + 1));
  }
  return bytes;
}
