const segment = (marker: number, content: readonly number[]): Buffer => {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(content.length + 2, 2);
  return Buffer.concat([head, Buffer.from(content)]);
};

/**
 * A sound progressive JPEG (ITU-T T.81, annex G), black, of a few kilobytes, each of whose scans makes a decoder visit
 * every block again: 15 ms a scan for 8,000 x 8,000 pixels, more for more.
 */
export function slowJpeg(side: number, scans: number): Buffer {
  const blocks = Math.ceil(side / 8) ** 2;
  const [high, low] = [side >> 8, side & 255];
  // One code, of one bit: no difference for DC; for AC, "the next 16,384 blocks and as many as 14 bits say are empty".
  const table = (id: number, symbol: number): Buffer => segment(0xc4, [id, 1, ...Array(15).fill(0), symbol]);
  const runs = Math.ceil(blocks / 32_767);
  const bits = '011111111111111'.repeat(runs);
  const empty = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1').match(/.{8}/g) ?? [];
  const ac = Buffer.from(empty.flatMap((byte) => (byte === '11111111' ? [255, 0] : [Number.parseInt(byte, 2)])));
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xdb, [0, ...Array(64).fill(1)]),
    segment(0xc2, [8, high, low, high, low, 1, 1, 0x11, 0]),
    table(0x00, 0),
    table(0x10, 0xe0),
    segment(0xda, [1, 1, 0, 0, 0, 0]),
    Buffer.alloc(Math.ceil(blocks / 8)),
    ...Array.from({ length: scans - 1 }, (_, i) => {
      const band = 1 + (i % 63);
      return Buffer.concat([segment(0xda, [1, 1, 0, band, band, 0]), ac]);
    }),
    Buffer.from([0xff, 0xd9]),
  ]);
}
