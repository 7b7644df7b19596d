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
  readonly dc: HuffmanTable;
  readonly ac: HuffmanTable;
}

/** A colour photo in one baseline scan, as cameras and phones write it. */
export interface BaselineJpeg {
  /** As stored; see `orientation`. */
  readonly size: Size;
  /** Y, Cb and Cr; the latter two with one block in an MCU. */
  readonly components: readonly [JpegComponent, JpegComponent, JpegComponent];
  /** MCUs between restarts; 0 for none. */
  readonly restartInterval: number;
  /** Where the entropy-coded bytes begin. */
  readonly scan: number;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
  /** EXIF's TIFF block. */
  readonly exif: Uint8Array | null;
}

/** The header of a JPEG (ITU-T T.81); null when it is of another kind, or anything in it is unusual or wrong. */
export function parseBaselineJpeg(bytes: Uint8Array): BaselineJpeg | null {
  try {
    return new HeaderReader(bytes).read();
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
  readonly #quantisation = new Map<number, Quantisers>();
  /** By class (0 is DC, 1 is AC) << 4 | number. */
  readonly #huffman = new Map<number, HuffmanTable>();
  #frame: { readonly size: Size; readonly components: readonly FrameComponent[] } | null = null;
  #restartInterval = 0;
  #jfif = false;
  #adobeTransform: number | null = null;
  #exif: Uint8Array | null = null;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(): BaselineJpeg {
    const view = this.#view;
    demand(view.getUint16(0) === 0xffd8);
    for (let at = 2; ; at += 2 + view.getUint16(at + 2)) {
      demand(view.getUint8(at) === 0xff && view.getUint16(at + 2) >= 2);
      const marker = view.getUint8(at + 1);
      const [from, end] = [at + 4, at + 2 + view.getUint16(at + 2)];
      if (marker === 0xda) return this.#startOfScan(from, end);
      this.#segment(marker, from, end);
    }
  }

  #segment(marker: number, from: number, end: number): void {
    switch (marker) {
      case 0xc0: // SOF0, baseline
      case 0xc1: // SOF1, extended
        this.#startOfFrame(from);
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

  #startOfFrame(from: number): void {
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
    this.#frame = { size, components };
  }

  #huffmanTables(from: number, end: number): void {
    for (let at = from; at < end; ) {
      const counts = this.#bytes(at + 1, at + 17);
      const total = counts.reduce((sum, count) => sum + count, 0);
      demand(total <= 256);
      this.#huffman.set(this.#view.getUint8(at), { counts, symbols: this.#bytes(at + 17, at + 17 + total) });
      at += 17 + total;
    }
  }

  #quantisationTables(from: number, end: number): void {
    for (let at = from; at < end; ) {
      const wide = this.#view.getUint8(at) >> 4 !== 0;
      const quantiser = (k: number): number =>
        wide ? this.#view.getUint16(at + 1 + k * 2) : this.#view.getUint8(at + 1 + k);
      // (0,0), (0,1), (1,0) and (1,1) stand at 0, 1, 2 and 4 in zigzag order.
      const first = [quantiser(0), quantiser(1), quantiser(2), quantiser(4)] as const;
      this.#quantisation.set(this.#view.getUint8(at) & 15, first);
      at += wide ? 129 : 65;
    }
  }

  #startOfScan(from: number, end: number): BaselineJpeg {
    const view = this.#view;
    const frame = this.#frame;
    demand(frame !== null && view.getUint8(from) === 3 && end === from + 10 && end <= view.byteLength);
    demand(view.getUint16(from + 7) === 0x003f && view.getUint8(from + 9) === 0);
    demand(this.#isYCbCr(frame.components));
    const components = frame.components.map(({ id, across, down, quantisation }, i) => {
      const tables = view.getUint8(from + 2 + i * 2);
      const quantisers = this.#quantisation.get(quantisation);
      const dc = this.#huffman.get(tables >> 4);
      const ac = this.#huffman.get(0x10 | (tables & 15));
      demand(view.getUint8(from + 1 + i * 2) === id);
      demand(quantisers !== undefined && dc !== undefined && ac !== undefined);
      return { across, down, quantisers, dc, ac };
    });
    const orientation = this.#exif === null ? 1 : exifOrientation(this.#exif);
    demand(orientation !== null);
    return {
      size: frame.size,
      components: components as unknown as BaselineJpeg['components'],
      restartInterval: this.#restartInterval,
      scan: end,
      orientation,
      exif: this.#exif,
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
