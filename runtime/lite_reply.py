"""Answers with vectors, written in one piece.

The engine puts an answer together from messages within messages, each of which is copied into the next one and then
written: of a hundred hits with their vectors that took two thirds of the time. Here the vectors stay where they are
until the answer is written, and are then put where protobuf has them.
"""

from milvus_lite.adapter.grpc.servicer import milvus_pb2
from pymilvus.grpc_gen import schema_pb2


def number_of(message, field):
    return message.DESCRIPTOR.fields_by_name[field].number


RESULTS = number_of(milvus_pb2.SearchResults, "results")
FOUND = number_of(schema_pb2.SearchResultData, "fields_data")
LISTED = number_of(milvus_pb2.QueryResults, "fields_data")
VECTORS = number_of(schema_pb2.FieldData, "vectors")
FLOATS = number_of(schema_pb2.VectorField, "float_vector")
NUMBERS = number_of(schema_pb2.FloatArray, "data")


class Reply:
    """An answer to `Search` or `Query` in whose fields some vectors are missing. `vectors`: by field, arrays of float32."""

    def __init__(self, message, vectors):
        self._message = message
        self._vectors = vectors

    def SerializeToString(self):
        message = self._message
        if not isinstance(message, milvus_pb2.SearchResults):
            return b"".join(self._with_vectors(message, LISTED))
        results = list(self._with_vectors(message.results, FOUND))
        message.ClearField("results")
        return b"".join([message.SerializeToString(), *delimited(RESULTS, results)])

    def _with_vectors(self, holder, number):
        fields = list(holder.fields_data)
        del holder.fields_data[:]
        yield holder.SerializeToString()
        for field in fields:
            # Of a field that comes in two parts, readers of protobuf take the second alone: vectors are one part.
            column = self._vectors.get(field.field_name)
            parts = []
            if column is not None:
                numbers = [vector.astype("<f4", copy=False) for vector in column]
                parts = [field.vectors.SerializeToString(), *delimited(FLOATS, delimited(NUMBERS, numbers))]
                field.ClearField("vectors")
                parts = delimited(VECTORS, parts)
            yield from delimited(number, [field.SerializeToString(), *parts])


def delimited(number, parts):
    """Parts as protobuf has a field of a message, bytes or packed numbers: its number, their length, and they."""
    length = sum(memoryview(part).nbytes for part in parts)
    return [varint(number << 3 | 2) + varint(length), *parts]


def varint(number):
    """As protobuf writes a whole number: seven bits a byte, the lowest first, the highest bit set but in the last."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
