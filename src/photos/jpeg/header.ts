import { exifOrientation } from '../metadata/exif-orientation.ts';
import type { Size } from '../pixels.ts';

export interface HuffmanTable {
  /** How many codes there are of each length, 1 to 16. */
  readonly counts: Uint8Array;
  readonly symbols: Uint8Array;
}

/** Of the coefficients (0,0), (0,1), (1,0) and (1,1). */
type Quantisers = readonly [number, number, number, number];

export interface JpegComponent {
  /** Blocks in an MCU. */
  readonly across: number;
  readonly down: number;
  readonly quantisers: Quantisers;
  /** All of them, in zigzag order. */
  readonly table: readonly number[];
}

/** A colour photo as cameras, phones and programs write it: baseline or progressive, with Huffman codes. */
export interface JpegFrame {
  readonly progressive: boolean;
  /** As stored; see `orientation`. */
  readonly size: Size;
  /** Y, Cb and Cr; the latter two with one block in an MCU. */
  readonly components: readonly [JpegComponent, JpegComponent, JpegComponent];
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
  /** EXIF's TIFF block. */
  readonly exif: Uint8Array | null;
}

export interface ScanComponent {
  /** 0 to 2: Y, Cb, Cr. */
  readonly index: number;
  /** Undefined where no such table was defined: not every scan needs both. */
  readonly dc: HuffmanTable | undefined;
  readonly ac: HuffmanTable | undefined;
}

/** A scan's header (ITU-T T.81, B.2.3). */
export interface JpegScan {
  readonly components: readonly ScanComponent[];
  /** The first and the last coefficient, in zigzag order. */
  readonly from: number;
  readonly to: number;
  /** The bit that scans before came down to (0: none came), and the one that this comes down to. */
  readonly high: number;
  readonly low: number;
  /** MCUs between restarts; 0 for none. */
  readonly restartInterval: number;
  /** Where the entropy-coded bytes begin. */
  readonly start: number;
}

/**
 * Reads the headers of a JPEG (ITU-T T.81), one scan after the other. Null instead of a frame or a scan means that the
 * file is of another kind, or that anything there is unusual or wrong.
 */
export class JpegHeaders {
  readonly #reader: HeaderReader;

  constructor(bytes: Uint8Array) {
    this.#reader = new HeaderReader(bytes);
  }

  /** To be called first. */
  open(): { readonly frame: JpegFrame; readonly scan: JpegScan } | null {
    return orNull(() => this.#reader.open());
  }

  /** The scan behind the marker at `at`, or `end` where that marker ends the image. */
  next(at: number): JpegScan | 'end' | null {
    return orNull(() => this.#reader.next(at));
  }
}

function orNull<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch (error) {
    // A RangeError is the view's: the header goes on past the end of the file.
    if (error instanceof Unusual || error instanceof RangeError) return null;
    throw error;
  }
}

class Unusual extends Error {}

function demand(condition: boolean): asserts condition {
  if (!condition) throw new Unusual();
}

interface FrameComponent {
  readonly id: number;
  readonly across: number;
  readonly down: number;
  readonly quantisation: number;
}

class HeaderReader {
  readonly #view: DataView;
  /** By number, in zigzag order. */
  readonly #quantisation = new Map<number, readonly number[]>();
  /** By class (0 is DC, 1 is AC) << 4 | number. */
  readonly #huffman = new Map<number, HuffmanTable>();
  #frame: {
    readonly progressive: boolean;
    readonly size: Size;
    readonly components: readonly FrameComponent[];
  } | null = null;
  #restartInterval = 0;
  #jfif = false;
  #adobeTransform: number | null = null;
  #exif: Uint8Array | null = null;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  open(): { readonly frame: JpegFrame; readonly scan: JpegScan } {
    const view = this.#view;
    demand(view.getUint16(0) === 0xffd8);
    for (let at = 2; ; at = this.#end(at)) {
      const marker = this.#marker(at);
      if (marker === 0xda) return { frame: this.#jpegFrame(), scan: this.#startOfScan(at + 4, this.#end(at)) };
      this.#segment(marker, at + 4, this.#end(at));
    }
  }

  next(from: number): JpegScan | 'end' {
    for (let at = from; ; at = this.#end(at)) {
      const marker = this.#marker(at);
      if (marker === 0xd9) return 'end';
      if (marker === 0xda) return this.#startOfScan(at + 4, this.#end(at));
      // What was said before the first scan stays.
      if (marker === 0xc4) this.#huffmanTables(at + 4, this.#end(at));
      else if (marker === 0xdd) this.#restartInterval = this.#view.getUint16(at + 4);
      else demand((marker & 0xf0) === 0xe0 || marker === 0xfe);
    }
  }

  #marker(at: number): number {
    demand(this.#view.getUint8(at) === 0xff);
    return this.#view.getUint8(at + 1);
  }

  /** Where the segment of the marker at `at` ends. */
  #end(at: number): number {
    const length = this.#view.getUint16(at + 2);
    demand(length >= 2);
    return at + 2 + length;
  }

  #segment(marker: number, from: number, end: number): void {
    switch (marker) {
      case 0xc0: // SOF0, baseline
      case 0xc1: // SOF1, extended
      case 0xc2: // SOF2, progressive
        this.#startOfFrame(from, marker === 0xc2);
        return;
      case 0xc4: // DHT
        this.#huffmanTables(from, end);
        return;
      case 0xdb: // DQT
        this.#quantisationTables(from, end);
        return;
      case 0xdd: // DRI
        this.#restartInterval = this.#view.getUint16(from);
        return;
      case 0xe0: // APP0
        this.#jfif ||= this.#begins(from, 'JFIF\0');
        return;
      case 0xe1: // APP1
        if (!this.#begins(from, 'Exif\0\0')) return;
        demand(this.#exif === null);
        this.#exif = this.#bytes(from + 6, end);
        return;
      case 0xee: // APP14
        if (this.#begins(from, 'Adobe')) this.#adobeTransform = this.#view.getUint8(from + 11);
        return;
      default: // Application data and comments, but no other kind of frame.
        demand((marker & 0xf0) === 0xe0 || marker === 0xfe);
    }
  }

  #startOfFrame(from: number, progressive: boolean): void {
    const view = this.#view;
    demand(this.#frame === null && view.getUint8(from) === 8 && view.getUint8(from + 5) === 3);
    const components = [0, 1, 2].map((i) => {
      const at = from + 6 + i * 3;
      const sampling = view.getUint8(at + 1);
      const [across, down] = [sampling >> 4, sampling & 15];
      return { id: view.getUint8(at), across, down, quantisation: view.getUint8(at + 2) };
    });
    const [luma, ...chroma] = components;
    demand(luma !== undefined && [1, 2].includes(luma.across) && [1, 2].includes(luma.down));
    demand(chroma.every(({ across, down }) => across === 1 && down === 1));
    const size = { width: view.getUint16(from + 3), height: view.getUint16(from + 1) };
    demand(size.width > 0 && size.height > 0);
    this.#frame = { progressive, size, components };
  }

  #huffmanTables(from: number, end: number): void {
    for (let at = from; at < end; ) {
      const counts = this.#bytes(at + 1, at + 17);
      const total = counts.reduce((sum, count) => sum + count, 0);
      demand(total <= 256);
      const symbols = this.#bytes(at + 17, at + 17 + total);
      const slot = this.#view.getUint8(at);
      // Of a DC table, each says how many bits a difference has.
      demand(slot >> 4 !== 0 || symbols.every((symbol) => symbol <= 15));
      this.#huffman.set(slot, { counts, symbols });
      at += 17 + total;
    }
  }

  #quantisationTables(from: number, end: number): void {
    for (let at = from; at < end; ) {
      const wide = this.#view.getUint8(at) >> 4 !== 0;
      const table = Array.from({ length: 64 }, (_, k) =>
        wide ? this.#view.getUint16(at + 1 + k * 2) : this.#view.getUint8(at + 1 + k),
      );
      this.#quantisation.set(this.#view.getUint8(at) & 15, table);
      at += wide ? 129 : 65;
    }
  }

  #jpegFrame(): JpegFrame {
    const frame = this.#frame;
    demand(frame !== null && this.#isYCbCr(frame.components));
    const components = frame.components.map(({ across, down, quantisation }) => {
      const table = this.#quantisation.get(quantisation);
      demand(table !== undefined);
      // (0,0), (0,1), (1,0) and (1,1) stand at 0, 1, 2 and 4 in zigzag order.
      return { across, down, quantisers: [0, 1, 2, 4].map((k) => table[k]), table };
    });
    const orientation = this.#exif === null ? 1 : exifOrientation(this.#exif);
    demand(orientation !== null);
    return {
      progressive: frame.progressive,
      size: frame.size,
      components: components as unknown as JpegFrame['components'],
      orientation,
      exif: this.#exif,
    };
  }

  #startOfScan(from: number, end: number): JpegScan {
    const view = this.#view;
    const count = view.getUint8(from);
    demand(count > 0 && count <= 3 && end === from + 4 + 2 * count && end <= view.byteLength);
    const components = Array.from({ length: count }, (_, i) => {
      const at = from + 1 + i * 2;
      const index = this.#frame?.components.findIndex(({ id }) => id === view.getUint8(at)) ?? -1;
      const tables = view.getUint8(at + 1);
      const [dc, ac] = [this.#huffman.get(tables >> 4), this.#huffman.get(0x10 | (tables & 15))];
      return { index, dc, ac };
    });
    // In the frame's order, each once.
    demand(components.every(({ index }, i) => index > (components[i - 1]?.index ?? -1)));
    const [first, last, bits] = [view.getUint8(end - 3), view.getUint8(end - 2), view.getUint8(end - 1)];
    return {
      components,
      from: first,
      to: last,
      high: bits >> 4,
      low: bits & 15,
      restartInterval: this.#restartInterval,
      start: end,
    };
  }

  /** As libjpeg guesses it; its other guesses are left to it. */
  #isYCbCr(components: readonly FrameComponent[]): boolean {
    if (this.#jfif) return true;
    if (this.#adobeTransform !== null) return this.#adobeTransform === 1;
    return components.every(({ id }, i) => id === i + 1);
  }

  #begins(from: number, text: string): boolean {
    return [...text].every((character, i) => this.#view.getUint8(from + i) === character.charCodeAt(0));
  }

  #bytes(from: number, end: number): Uint8Array {
    demand(from <= end && end <= this.#view.byteLength);
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + from, end - from);
  }
}
