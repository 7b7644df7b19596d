import type { Property } from './items.ts';

/** Chromaticities x and y of red, green and blue (ITU-T H.273, table 2); white is D65 for each of these. */
const PRIMARIES: Readonly<Record<number, readonly [Point, Point, Point]>> = {
  9: [
    [0.708, 0.292],
    [0.17, 0.797],
    [0.131, 0.046],
  ],
  12: [
    [0.68, 0.32],
    [0.265, 0.69],
    [0.15, 0.06],
  ],
};
const D65: Point = [0.3127, 0.329];
/** The white of ICC's connection space. */
const D50: Triple = [0.9642, 1, 0.8249];
/** Bradford's cone responses, as ICC.1 has them in its annex E. */
const BRADFORD: Matrix = [
  [0.8951, 0.2664, -0.1614],
  [-0.7502, 1.7135, 0.0367],
  [0.0389, -0.0685, 1.0296],
];

/** g, a, b, c, d of ICC's parametric curve of type 3: (a x + b)^g from d on, c x below. */
type Curve = readonly [number, number, number, number, number];
const SRGB: Curve = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045];
const BT709: Curve = [1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081];
/** By H.273's transfer characteristics; 2 is "not said". Those of high dynamic range have no ICC curve. */
const CURVES: Readonly<Record<number, Curve>> = { 1: BT709, 2: SRGB, 6: BT709, 13: SRGB, 14: BT709, 15: BT709 };

type Point = readonly [number, number];
type Triple = readonly [number, number, number];
type Matrix = readonly [Triple, Triple, Triple];

/**
 * The ICC profile (ICC.1:2010, a three-component matrix-based one) that says what the code points of a `colr` box of
 * the kind nclx say; null when they mean sRGB's primaries, or nothing that ICC can say.
 */
export function profileOfNclx(properties: readonly Property[]): Uint8Array | null {
  const nclx = properties.find(({ name, data }) => name === 'colr' && data.toString('latin1', 0, 4) === 'nclx');
  if (nclx === undefined || nclx.data.length < 8) return null;
  const primaries = PRIMARIES[nclx.data.readUInt16BE(4)];
  const curve = CURVES[nclx.data.readUInt16BE(6)];
  return primaries === undefined || curve === undefined ? null : profile(colorants(primaries), curve);
}

/** XYZ of red, green and blue at full, seen under D50: the columns of RGB to XYZ, each in a row here. */
export function colorants(primaries: readonly [Point, Point, Point]): Matrix {
  const [r, g, b] = primaries.map(xyz) as unknown as [Triple, Triple, Triple];
  const white = xyz(D65);
  const [red, green, blue] = times(inverse(transposed([r, g, b])), white);
  const scaled = [scale(r, red), scale(g, green), scale(b, blue)] as const;
  const from = times(BRADFORD, white);
  const to = times(BRADFORD, D50);
  const adapt = (colour: Triple): Triple => {
    const cones = times(BRADFORD, colour);
    const seen = cones.map((cone, i) => (cone * (to[i] ?? 0)) / (from[i] ?? 1)) as unknown as Triple;
    return times(inverse(BRADFORD), seen);
  };
  return [adapt(scaled[0]), adapt(scaled[1]), adapt(scaled[2])];
}

function xyz([x, y]: Point): Triple {
  return [x / y, 1, (1 - x - y) / y];
}

function scale([x, y, z]: Triple, by: number): Triple {
  return [x * by, y * by, z * by];
}

function times(matrix: Matrix, [x, y, z]: Triple): Triple {
  return matrix.map(([a, b, c]) => a * x + b * y + c * z) as unknown as Triple;
}

function transposed([[a, b, c], [d, e, f], [g, h, i]]: Matrix): Matrix {
  return [
    [a, d, g],
    [b, e, h],
    [c, f, i],
  ];
}

function inverse([[a, b, c], [d, e, f], [g, h, i]]: Matrix): Matrix {
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const adjugate: Matrix = [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ];
  return adjugate.map((row) => scale(row, 1 / determinant)) as unknown as Matrix;
}

function profile([red, green, blue]: Matrix, curve: Curve): Uint8Array {
  const trc = parametricCurve(curve);
  const tags: readonly (readonly [string, Buffer])[] = [
    ['desc', text('colours of a HEIF file')],
    ['cprt', text('no copyright')],
    ['wtpt', xyzType(D50)],
    ['rXYZ', xyzType(red)],
    ['gXYZ', xyzType(green)],
    ['bXYZ', xyzType(blue)],
    ['rTRC', trc],
    ['gTRC', trc],
    ['bTRC', trc],
  ];
  const table = Buffer.alloc(4 + 12 * tags.length);
  table.writeUInt32BE(tags.length);
  const bodies: Buffer[] = [];
  let at = 128 + table.length;
  tags.forEach(([name, body], i) => {
    table.write(name, 4 + 12 * i, 'latin1');
    table.writeUInt32BE(at, 8 + 12 * i);
    table.writeUInt32BE(body.length, 12 + 12 * i);
    // Each begins at a multiple of four.
    const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
    bodies.push(padded);
    at += padded.length;
  });
  const head = Buffer.alloc(128);
  head.writeUInt32BE(at);
  head.writeUInt32BE(0x04300000, 8);
  head.write('mntrRGB XYZ ', 12, 'latin1');
  head.write('acsp', 36, 'latin1');
  xyzType(D50).copy(head, 68, 8);
  return Buffer.concat([head, table, ...bodies]);
}

function xyzType(colour: Triple): Buffer {
  const body = Buffer.alloc(20);
  body.write('XYZ ', 'latin1');
  for (const [i, value] of colour.entries()) body.writeInt32BE(fixed(value), 8 + 4 * i);
  return body;
}

function parametricCurve(curve: Curve): Buffer {
  const body = Buffer.alloc(12 + 4 * curve.length);
  body.write('para', 'latin1');
  body.writeUInt16BE(3, 8);
  for (const [i, value] of curve.entries()) body.writeInt32BE(fixed(value), 12 + 4 * i);
  return body;
}

/** A multiLocalizedUnicodeType with one record. */
function text(words: string): Buffer {
  const utf16 = Buffer.from(words, 'utf16le').swap16();
  const body = Buffer.alloc(28);
  body.write('mluc', 'latin1');
  body.writeUInt32BE(1, 8);
  body.writeUInt32BE(12, 12);
  body.write('enUS', 16, 'latin1');
  body.writeUInt32BE(utf16.length, 20);
  body.writeUInt32BE(28, 24);
  return Buffer.concat([body, utf16]);
}

/** s15Fixed16Number. */
function fixed(value: number): number {
  return Math.round(value * 65536);
}
