/** Where something stands in the file: from this byte on, up to that one. */
export type Range = readonly [from: number, to: number];

/** A property of an item, such as its rotation; the bytes behind its header. */
export interface Property {
  readonly name: string;
  readonly data: Buffer;
}

/**
 * The items that a HEIF file holds, such as pictures, tiles and metadata: ISO/IEC 14496-12, 8.11, and ISO/IEC 23008-12.
 * Its methods throw a RangeError where the file is not understood.
 */
export class HeicItems {
  readonly primary: number;
  readonly #file: Buffer;
  readonly #meta: ReadonlyMap<string, Range>;
  readonly #types: ReadonlyMap<number, string>;
  readonly #references: readonly Reference[];
  readonly #locations: ReadonlyMap<number, readonly Range[]>;
  #properties: ReadonlyMap<number, readonly Property[]> | null = null;

  /** @throws RangeError when the file is none, or a box reaches beyond it. */
  constructor(bytes: Uint8Array) {
    this.#file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const meta = need(boxes(this.#file, 0, bytes.length).get('meta'));
    this.#meta = boxes(this.#file, meta[0] + 4, meta[1]);
    this.primary = new Reader(this.#file, need(this.#meta.get('pitm'))).fullBox().id(1);
    this.#types = itemTypes(this.#file, need(this.#meta.get('iinf')));
    const references = this.#meta.get('iref');
    this.#references = references === undefined ? [] : itemReferences(this.#file, references);
    this.#locations = locations(this.#file, need(this.#meta.get('iloc')), this.#meta.get('idat'));
  }

  /** "hvc1" for a picture coded with HEVC, "grid" for one in tiles; null for an item that is not there. */
  type(item: number): string | null {
    return this.#types.get(item) ?? null;
  }

  ofType(type: string): readonly number[] {
    return [...this.#types].filter(([, each]) => each === type).map(([item]) => item);
  }

  /** What an item refers to, in order: "dimg" are the parts of a picture, "cdsc" the picture that metadata are of. */
  references(item: number, name: string): readonly number[] {
    return this.#references.filter((each) => each.from === item && each.name === name).flatMap(({ to }) => to);
  }

  /** In their order, which is that of rotating, mirroring and cropping. */
  properties(item: number): readonly Property[] {
    this.#properties ??= itemProperties(this.#file, need(this.#meta.get('iprp')));
    return this.#properties.get(item) ?? [];
  }

  /** Where an item stands; empty when that is not said, or it is put together from other items. */
  ranges(item: number): readonly Range[] {
    return this.#locations.get(item) ?? [];
  }

  /** @throws RangeError when it is nowhere in the file, or in part. */
  bytes(item: number): Buffer {
    const ranges = this.ranges(item);
    if (ranges.length === 0 || ranges.some(([, to]) => to > this.#file.length)) throw new RangeError('it is cut short');
    const parts = ranges.map(([from, to]) => this.#file.subarray(from, to));
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  }
}

/** What `read` gives of the file, or `otherwise` where that is not understood. */
export function understood<T, U>(read: () => T, otherwise: U): T | U {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return otherwise;
    throw error;
  }
}

function need(range: Range | undefined): Range {
  if (range === undefined) throw new RangeError('a box is missing');
  return range;
}

/** By name, the first of each; without their headers. */
function boxes(file: Buffer, from: number, to: number): Map<string, Range> {
  const found = new Map<string, Range>();
  for (const [name, range] of boxList(file, from, to)) if (!found.has(name)) found.set(name, range);
  return found;
}

function* boxList(file: Buffer, from: number, to: number): Generator<readonly [name: string, range: Range]> {
  for (let at = from; at + 8 <= to; ) {
    const size = file.readUInt32BE(at);
    const name = file.toString('latin1', at + 4, at + 8);
    const [head, length] = size === 1 ? [16, Number(file.readBigUInt64BE(at + 8))] : [8, size === 0 ? to - at : size];
    if (length < head || at + length > to) throw new RangeError(`the box ${name} has an impossible size`);
    yield [name, [at + head, at + length]];
    at += length;
  }
}

class Reader {
  readonly #file: Buffer;
  #at: number;
  readonly #end: number;
  version = 0;
  flags = 0;

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

  name(): string {
    return String.fromCharCode(this.number(1), this.number(1), this.number(1), this.number(1));
  }

  fullBox(): this {
    this.version = this.number(1);
    this.flags = this.number(3);
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
    const name = this.name();
    if (size < 8 || start + size > this.#end) throw new RangeError(`the box ${name} has an impossible size`);
    this.#at = start + size;
    return [name, new Reader(this.#file, [start + 8, this.#at])];
  }
}

function itemTypes(file: Buffer, iinf: Range): Map<number, string> {
  const list = new Reader(file, iinf).fullBox();
  const types = new Map<number, string>();
  for (let left = list.id(1); left > 0; left--) {
    const entry = list.box()[1].fullBox();
    const id = entry.id(3);
    entry.number(2);
    if (entry.version >= 2) types.set(id, entry.name());
  }
  return types;
}

interface Reference {
  readonly name: string;
  readonly from: number;
  readonly to: readonly number[];
}

function itemReferences(file: Buffer, iref: Range): Reference[] {
  const list = new Reader(file, iref).fullBox();
  const references: Reference[] = [];
  while (!list.isAtEnd) {
    const [name, reference] = list.box();
    reference.version = list.version;
    const from = reference.id(1);
    references.push({ name, from, to: Array.from({ length: reference.number(2) }, () => reference.id(1)) });
  }
  return references;
}

function itemProperties(file: Buffer, iprp: Range): Map<number, Property[]> {
  const all: Property[] = [];
  for (const [name, [from, to]] of boxList(file, ...need(boxes(file, ...iprp).get('ipco')))) {
    all.push({ name, data: file.subarray(from, to) });
  }
  const found = new Map<number, Property[]>();
  for (const [name, range] of boxList(file, ...iprp)) {
    if (name !== 'ipma') continue;
    const list = new Reader(file, range).fullBox();
    const wide = (list.flags & 1) === 1;
    for (let items = list.number(4); items > 0; items--) {
      const item = list.id(1);
      const own = found.get(item) ?? [];
      for (let left = list.number(1); left > 0; left--) {
        // The first bit says whether the property must be understood; numbers count from 1.
        const property = all[(list.number(wide ? 2 : 1) & (wide ? 0x7fff : 0x7f)) - 1];
        if (property !== undefined) own.push(property);
      }
      found.set(item, own);
    }
  }
  return found;
}

/** Where the items stand that are in this file, be it in the box `idat`. */
function locations(file: Buffer, iloc: Range, idat: Range | undefined): Map<number, Range[]> {
  const list = new Reader(file, iloc).fullBox();
  const sizes = list.number(2);
  const [offsetSize, lengthSize, baseSize] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15];
  const indexSize = list.version === 0 ? 0 : sizes & 15;
  const found = new Map<number, Range[]>();
  for (let items = list.id(2); items > 0; items--) {
    const id = list.id(2);
    const method = list.version === 0 ? 0 : list.number(2) & 15;
    // Another file than this one.
    const elsewhere = list.number(2) !== 0;
    const base = list.number(baseSize);
    const ranges: Range[] = [];
    for (let extents = list.number(2); extents > 0; extents--) {
      list.number(indexSize);
      const offset = base + list.number(offsetSize);
      const length = list.number(lengthSize);
      if (offsetSize + lengthSize + indexSize === 0 && extents > 1) throw new RangeError('extents without a place');
      if (elsewhere || method > 1 || (method === 1 && idat === undefined)) continue;
      const from = method === 1 ? need(idat)[0] + offset : offset;
      ranges.push([from, from + length]);
    }
    found.set(id, ranges);
  }
  return found;
}
