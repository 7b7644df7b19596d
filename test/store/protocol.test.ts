import { createRequire } from 'node:module';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';

const require = createRequire(import.meta.url);

const { protocolModule } = (await import(new URL('../../scripts/protocol.mjs', import.meta.url).href)) as {
  protocolModule(root: protobuf.Root, messages: readonly string[]): string;
};

/** Of each kind of field that Milvus' protocol has. */
const { root } = protobuf.parse(
  `syntax = "proto3";
    package milvus.proto.schema;
    message FloatArray { repeated float data = 1; }
    message LongArray { repeated int64 data = 1; }
    enum Kind { None = 0; Float = 10; Text = 21; }
    message Field {
      string name = 1;
      Kind kind = 2;
      oneof data { FloatArray floats = 3; string text = 4; }
      int64 number = 5;
      repeated Field parts = 6;
      map<string, int32> named = 7;
      bytes bytes = 8;
      repeated int64 numbers = 9;
      LongArray longs = 10;
    }
    service Service { rpc Search(Field) returns (Field) {} }`,
);
root.resolveAll();

interface Codec {
  readonly path: string;
  requestSerialize(value: unknown): Uint8Array;
  responseDeserialize(bytes: Uint8Array): Record<string, unknown>;
}

const OPTIONS = { longs: String, enums: String, defaults: true, oneofs: true };

function packed(): Codec {
  const made = {
    exports: {} as { default: { services(options: unknown): Record<string, { readonly Search: Codec }> } },
  };
  new Function('require', 'exports', protocolModule(root, []))(require, made.exports);
  const search = made.exports.default.services(OPTIONS)['milvus.proto.schema.Service']?.Search;
  if (search === undefined) throw new Error('the service is missing');
  return search;
}

const codec = packed();
const reflected = root.lookupType('milvus.proto.schema.Field');
const floats = fc.array(fc.float({ noNaN: true }), { maxLength: 40 });
const long = fc
  .oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.maxSafeNat().map(BigInt),
    fc.maxSafeInteger().map(BigInt),
  )
  .map(String);
const { field } = fc.letrec((tie) => ({
  field: fc.record(
    {
      name: fc.string(),
      kind: fc.constantFrom('None', 'Float', 'Text', 77),
      floats: fc.record({ data: floats }),
      number: long,
      parts: fc.array(tie('field'), { maxLength: 2 }),
      named: fc.dictionary(fc.string(), fc.integer({ min: -5, max: 5 })),
      bytes: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      numbers: fc.array(fc.integer()),
      longs: fc.record({ data: fc.array(long, { maxLength: 20 }) }),
    },
    { requiredKeys: [] },
  ),
}));

/** With typed arrays as plain ones, which hold the same numbers. */
function plain(value: unknown): unknown {
  if (value instanceof Float32Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

describe("Milvus' protocol as code", () => {
  it('writes and reads every message as protobufjs does', () => {
    fc.assert(
      fc.property(field, (value) => {
        const bytes = reflected.encode(reflected.fromObject(value as Record<string, unknown>)).finish();
        expect(Buffer.from(codec.requestSerialize(value))).toEqual(Buffer.from(bytes));
        const read = reflected.toObject(reflected.decode(bytes), OPTIONS);
        expect(plain(codec.responseDeserialize(bytes))).toEqual(plain(read));
      }),
    );
  });

  it('reads floats that no server sends, one by one or in two runs, and refuses those that are cut short', () => {
    const one = [0x0d, 0, 0, 0x80, 0x3f];
    const run = [0x0a, 4, 0, 0, 0, 0x40];
    const message = (floatsOf: readonly number[]) => Uint8Array.from([0x1a, floatsOf.length, ...floatsOf]);
    const dataOf = (bytes: Uint8Array) => plain(codec.responseDeserialize(bytes).floats);
    expect(dataOf(message([...one, ...run]))).toEqual({ data: [1, 2] });
    expect(dataOf(message([...run, ...run]))).toEqual({ data: [2, 2] });
    expect(dataOf(message([]))).toEqual({ data: [] });
    expect(() => dataOf(message([0x0a, 8, 0, 0, 0, 0x40]))).toThrow(RangeError);
    expect(() => dataOf(message(run).subarray(0, 6))).toThrow(RangeError);
  });

  it('reads whole numbers in two runs or one by one, and refuses those that are cut short', () => {
    const message = (longsOf: readonly number[]) => Uint8Array.from([0x52, longsOf.length, ...longsOf]);
    const dataOf = (bytes: Uint8Array) => codec.responseDeserialize(bytes).longs;
    expect(dataOf(message([0x0a, 3, 1, 0xac, 0x02]))).toEqual({ data: ['1', '300'] });
    expect(dataOf(message([0x0a, 1, 1, 0x0a, 1, 2]))).toEqual({ data: ['1', '2'] });
    expect(dataOf(message([0x08, 5]))).toEqual({ data: ['5'] });
    expect(() => dataOf(message([0x0a, 2, 1, 0xac]))).toThrow(RangeError);
    expect(() => dataOf(Uint8Array.from([...message([0x0a, 2, 1, 0xac]), 1]))).toThrow(RangeError);
    expect(() => dataOf(message([0x0a, 9, 1]))).toThrow(RangeError);
  });

  it('speaks under the path of the service', () => {
    expect(codec.path).toBe('/milvus.proto.schema.Service/Search');
  });
});
