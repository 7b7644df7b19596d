/** No sound file has so many zero bytes in a row where pictures are coded. */
const HOLE = Buffer.alloc(16);

/**
 * Whether zeros stand where the primary picture or one of its tiles is coded, as an interrupted copy or a bad sector
 * leaves them. HEVC never writes three zero bytes in a row (ITU-T H.265, 7.4.2), but its decoder makes up whatever a
 * hole takes away, and says nothing. False also for a file that is not understood: its decoder will say why.
 */
export function hasHole(bytes: Uint8Array): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return codedRanges(buffer).some(([from, to]) => buffer.subarray(from, to).includes(HOLE));
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

type Range = readonly [from: number, to: number];

/** Where the primary picture's data lie: ISO/IEC 14496-12, 8.11. @throws RangeError when a box reaches beyond the file. */
function codedRanges(file: Buffer): Range[] {
  const meta = boxes(file, 0, file.length).get('meta');
  if (meta === undefined) return [];
  const inner = boxes(file, meta[0] + 4, meta[1]);
  const [pitm, iinf, iloc] = ['pitm', 'iinf', 'iloc'].map((name) => inner.get(name));
  if (pitm === undefined || iinf === undefined || iloc === undefined) return [];
  const primary = new Reader(file, pitm).fullBox().id(1);
  const coded = codedItems(file, iinf);
  const tiles = inner.has('iref') ? tilesOf(file, inner.get('iref') as Range, primary) : [];
  return locations(file, iloc, new Set([primary, ...tiles].filter((id) => coded.has(id))));
}

/** By name, the first of each; without their headers. */
function boxes(file: Buffer, from: number, to: number): Map<string, Range> {
  const found = new Map<string, Range>();
  for (let at = from; at + 8 <= to; ) {
    const size = file.readUInt32BE(at);
    const name = file.toString('latin1', at + 4, at + 8);
    const [head, length] = size === 1 ? [16, Number(file.readBigUInt64BE(at + 8))] : [8, size === 0 ? to - at : size];
    if (length < head || at + length > to) throw new RangeError(`the box ${name} has an impossible size`);
    if (!found.has(name)) found.set(name, [at + head, at + length]);
    at += length;
  }
  return found;
}

class Reader {
  readonly #file: Buffer;
  #at: number;
  readonly #end: number;
  version = 0;

  constructor(file: Buffer, [from, to]: Range) {
    this.#file = file;
    this.#at = from;
    this.#end = to;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** Unsigned, of so many bytes; 0 of none. */
  number(size: number): number {
    if (this.#at + size > this.#end) throw new RangeError('a box is too short');
    this.#at += size;
    if (size === 8) return Number(this.#file.readBigUInt64BE(this.#at - 8));
    return size === 0 ? 0 : this.#file.readUIntBE(this.#at - size, size);
  }

  fullBox(): this {
    this.version = this.number(1);
    this.number(3);
    return this;
  }

  /** Four bytes from this version of the box on, two before. */
  id(longFrom: number): number {
    return this.number(this.version >= longFrom ? 4 : 2);
  }

  /** The box that begins here, and its name. */
  box(): readonly [name: string, inner: Reader] {
    const start = this.#at;
    const size = this.number(4);
    const name = this.#file.toString('latin1', this.#at, this.#at + 4);
    if (size < 8 || start + size > this.#end) throw new RangeError(`the box ${name} has an impossible size`);
    this.#at = start + size;
    return [name, new Reader(this.#file, [start + 8, this.#at])];
  }
}

/** Items that are pictures coded with HEVC. */
function codedItems(file: Buffer, iinf: Range): Set<number> {
  const list = new Reader(file, iinf).fullBox();
  const coded = new Set<number>();
  for (let left = list.id(1); left > 0; left--) {
    const entry = list.box()[1].fullBox();
    const id = entry.id(3);
    entry.number(2);
    if (entry.version >= 2 && entry.number(4) === 0x68766331) coded.add(id); // "hvc1"
  }
  return coded;
}

/** The items that a picture is put together from. */
function tilesOf(file: Buffer, iref: Range, picture: number): number[] {
  const list = new Reader(file, iref).fullBox();
  const tiles: number[] = [];
  while (!list.isAtEnd) {
    const [name, reference] = list.box();
    reference.version = list.version;
    const from = reference.id(1);
    const to = Array.from({ length: reference.number(2) }, () => reference.id(1));
    if (name === 'dimg' && from === picture) tiles.push(...to);
  }
  return tiles;
}

/** Where these items stand in the file. */
function locations(file: Buffer, iloc: Range, wanted: ReadonlySet<number>): Range[] {
  const list = new Reader(file, iloc).fullBox();
  const sizes = list.number(2);
  const [offsetSize, lengthSize, baseSize] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15];
  const indexSize = list.version === 0 ? 0 : sizes & 15;
  const ranges: Range[] = [];
  for (let items = list.id(2); items > 0; items--) {
    const id = list.id(2);
    // Other methods than 0 count from elsewhere than the file's beginning.
    const method = list.version === 0 ? 0 : list.number(2) & 15;
    list.number(2);
    const base = list.number(baseSize);
    for (let extents = list.number(2); extents > 0; extents--) {
      list.number(indexSize);
      const from = base + list.number(offsetSize);
      const length = list.number(lengthSize);
      if (method === 0 && wanted.has(id)) ranges.push([from, from + length]);
    }
  }
  return ranges;
}
