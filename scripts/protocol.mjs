/**
 * Milvus' protocol as code: what protobufjs otherwise makes of its description at each start, by resolving every name
 * and compiling a codec for every message, which takes longer than a search.
 */
import protobuf from 'protobufjs';

/**
 * A CommonJS module, by default an object with `lookupType(name)`, which gives a message's codec, and `services(options)`,
 * the definitions that grpc-js makes clients of.
 * @param root resolved: all that is to be in the module
 * @param messages names of those, where they are in it, that are written by themselves
 */
export function protocolModule(root, messages) {
  const types = [];
  const services = {};
  const visit = (space) => {
    for (const inner of space.nestedArray ?? []) {
      if (inner instanceof protobuf.Type) types.push(inner);
      if (inner instanceof protobuf.Service) services[nameOf(inner)] = methodsOf(inner);
      visit(inner);
    }
  };
  visit(root);
  const sent = new Set();
  const received = new Set();
  for (const [, request, response] of Object.values(services).flat()) {
    addParts(root.lookupType(request), sent);
    addParts(root.lookupType(response), received);
  }
  for (const type of types) if (messages.includes(nameOf(type))) addParts(type, sent);
  // All of them first, since messages contain each other.
  const codecs = Object.fromEntries(types.map((type) => [nameOf(type), {}]));
  const enums = new Set(types.flatMap(enumsOf));
  return [
    "const { Reader, Writer, util } = require('protobufjs/minimal');",
    `const codecs = ${JSON.stringify(codecs)};`,
    // Names by number are inherited, as protobufjs has it.
    'const enumOf = (names, values) => ({ values: Object.assign(Object.create(names), values) });',
    'const enums = {',
    ...[...enums].map(
      (each) => `${key(each)}: enumOf(${JSON.stringify(each.valuesById)}, ${JSON.stringify(each.values)}),`,
    ),
    '};',
    `const SERVICES = ${JSON.stringify(services)};`,
    ...types.map((type) => codec(type, { sent: sent.has(type), received: received.has(type) })),
    RUNTIME,
  ].join('\n');
}

/** A message and all that it consists of. */
function addParts(type, parts) {
  if (!(type instanceof protobuf.Type) || parts.has(type)) return;
  parts.add(type);
  for (const { resolvedType } of type.fieldsArray) addParts(resolvedType, parts);
}

const enumsOf = (type) =>
  type.fieldsArray.map(({ resolvedType }) => resolvedType).filter((each) => each instanceof protobuf.Enum);

const key = (thing) => JSON.stringify(nameOf(thing));

const nameOf = (thing) => thing.fullName.slice(1);

function methodsOf(service) {
  return service.methodsArray.map((method) => {
    const [request, response] = [method.resolvedRequestType, method.resolvedResponseType].map(nameOf);
    return [method.name, request, response];
  });
}

/** Gives a message's codec the functions that a `Type` of protobufjs gives itself at its first use. */
function codec(type, { sent, received }) {
  const empty = type.fieldsArray.flatMap((field) => {
    if (field.map) return [`${JSON.stringify(field.name)}: util.emptyObject`];
    return field.repeated ? [`${JSON.stringify(field.name)}: util.emptyArray`] : [];
  });
  const writing = `
    create: (properties) => new ctor(properties),
    encode: ${protobuf.encoder(type)},
    fromObject: ${protobuf.converter.fromObject(type)},`;
  const reading = `
    decode: ${protobuf.decoder(type)},
    toObject: ${protobuf.converter.toObject(type)},`;
  return `{
  const types = [${type.fieldsArray.map(({ resolvedType }) => referenceTo(resolvedType)).join()}];
  const ctor = ${protobuf.Type.generateConstructor(type)};
  Object.assign(ctor.prototype, { ${empty.join()} });
  Object.assign(codecs[${key(type)}], { ctor, ${sent ? writing : ''} ${received ? reading : ''} });
}`;
}

/** Of a field: a message, an enumeration, or null for a number or text. */
function referenceTo(type) {
  if (type === null) return 'null';
  return `${type instanceof protobuf.Type ? 'codecs' : 'enums'}[${key(type)}]`;
}

const RUNTIME = `
const lookupType = (name) => codecs[name];

const services = (options) => {
  const serialize = (name) => (value) => codecs[name].encode(codecs[name].fromObject(value)).finish();
  const deserialize = (name) => (bytes) => codecs[name].toObject(codecs[name].decode(bytes), options);
  const definition = (service, [method, request, response]) => ({
    path: '/' + service + '/' + method,
    requestStream: false,
    responseStream: false,
    requestSerialize: serialize(request),
    requestDeserialize: deserialize(request),
    responseSerialize: serialize(response),
    responseDeserialize: deserialize(response),
  });
  return Object.fromEntries(
    Object.entries(SERVICES).map(([service, methods]) => [
      service,
      Object.fromEntries(methods.map((method) => [method[0], definition(service, method)])),
    ]),
  );
};

exports.__esModule = true;
exports.default = { lookupType, services };

// Field 1 as a packed list.
const PACKED = 10;
// A list of an answer's own in one run, where it is sent as servers do; undefined, and nothing read, for any other.
const runOf = (reader, length) => {
  const { pos } = reader;
  const packed = length > 0 && reader.uint32() === PACKED ? reader.uint32() : 0;
  const from = reader.pos;
  const end = from + packed;
  if (packed > 0 && end === pos + length && end <= reader.len) return { from, end };
  reader.pos = pos;
  return undefined;
};
// Vectors are by far the most of what is received: taken as they lie there, rather than number by number.
const floats = codecs['milvus.proto.schema.FloatArray'];
if (floats?.decode !== undefined) {
  const { decode, toObject } = floats;
  floats.decode = (reader, length, ...others) => {
    const { pos, buf } = reader;
    const run = runOf(reader, length);
    if (run === undefined || (run.end - run.from) % 4 !== 0) {
      reader.pos = pos;
      return decode.call(floats, reader, length, ...others);
    }
    reader.pos = run.end;
    // A copy, since it may lie at any address.
    const bytes = buf.buffer.slice(buf.byteOffset + run.from, buf.byteOffset + run.end);
    return new floats.ctor({ data: new Float32Array(bytes) });
  };
  floats.toObject = (message, ...others) =>
    message.data instanceof Float32Array ? { data: message.data } : toObject.call(floats, message, ...others);
}

// The text of a whole number, which a Long takes ten times as long to give: sizes and times of every row that is found.
const textOf = (reader) => {
  const { buf, pos, len } = reader;
  let [value, scale] = [0, 1];
  for (let at = pos; at < len; at += 1, scale *= 128) {
    value += (buf[at] & 127) * scale;
    // Of larger ones, and of those below zero, a double does not hold every digit.
    if (!(value <= Number.MAX_SAFE_INTEGER)) break;
    if (buf[at] > 127) continue;
    reader.pos = at + 1;
    return String(value);
  }
  return String(reader.int64());
};
const longs = codecs['milvus.proto.schema.LongArray'];
if (longs?.decode !== undefined) {
  const { decode, toObject } = longs;
  longs.decode = (reader, length, ...others) => {
    const run = runOf(reader, length);
    if (run === undefined) return decode.call(longs, reader, length, ...others);
    const data = [];
    while (reader.pos < run.end) data.push(textOf(reader));
    if (reader.pos !== run.end) throw RangeError('index out of range: ' + reader.pos + ' > ' + run.end);
    return new longs.ctor({ data });
  };
  longs.toObject = (message, ...others) =>
    typeof message.data[0] === 'string' ? { data: message.data } : toObject.call(longs, message, ...others);
}
`;
