/**
 * Stands in for @grpc/proto-loader in the bundled Milvus SDK: a message's codec is made when the message is first
 * sent or received, and descriptors, which only server reflection reads, never. Half of the time of a first client.
 */
const { Root } = require('protobufjs');

const known = new Map();

/** Service definitions for grpc-js, by full name; the SDK asks for the same twice. */
exports.fromJSON = (json, options) => {
  if (!known.has(json)) known.set(json, servicesOf(json, options));
  return known.get(json);
};

function servicesOf(json, options) {
  const definitions = {};
  const visit = (space) => {
    for (const inner of space.nestedArray ?? []) {
      if (inner.methodsArray === undefined) visit(inner);
      else definitions[inner.fullName.slice(1)] = serviceDefinition(inner, options);
    }
  };
  visit(Root.fromJSON(json));
  return definitions;
}

function serviceDefinition(service, options) {
  const name = service.fullName.slice(1);
  return Object.fromEntries(
    service.methodsArray.map((method) => {
      const request = codec(service, method.requestType, options);
      const response = codec(service, method.responseType, options);
      const definition = {
        path: `/${name}/${method.name}`,
        requestStream: false,
        responseStream: false,
        requestSerialize: request.serialize,
        requestDeserialize: request.deserialize,
        responseSerialize: response.serialize,
        responseDeserialize: response.deserialize,
      };
      return [method.name, definition];
    }),
  );
}

function codec(service, typeName, options) {
  let found;
  const type = () => {
    found ??= service.lookupType(typeName);
    return found;
  };
  return {
    serialize: (value) => type().encode(type().fromObject(value)).finish(),
    deserialize: (bytes) => type().toObject(type().decode(bytes), options),
  };
}
