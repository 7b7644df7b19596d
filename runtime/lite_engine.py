"""The corrections to milvus-lite, of which lite_corrections.py has the table: why each is, and what it was read against.

The files stay the engine's own: a database written by the plain engine can be read here and the other way round.
"""

import os
import threading
import zlib
from types import SimpleNamespace

import lite_search
import lite_seals as seals
import lite_vectors
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from lite_corrections import replace
from lite_damage import Damaged, inspect  # noqa: F401
from lite_log import SyncedLog, read_log, sync, write_failed
from milvus_lite.db import MilvusLite as Database  # noqa: F401
from milvus_lite.exceptions import DataDirLockedError as Locked  # noqa: F401
from milvus_lite.schema.types import DataType
from milvus_lite.search.distance import compute_distances


def amend():
    """Puts every correction in place but for those of lite_service.py; to be called once, before a database is opened."""
    for module in ("data_file", "delta_file"):
        replace(f"storage.{module}.pq", lambda _: SimpleNamespace(read_table=read_table, write_table=write_table))
    for module in ("storage.manifest", "schema.persistence"):
        replace(f"{module}.json", lambda json: SimpleNamespace(**{**vars(json), "dump": seals.dump}))
    for verb in ("create", "drop", "get", "rename"):
        replace(f"db.MilvusLite.{verb}_collection", one_at_a_time)
    replace("engine.collection.WAL", lambda _: SyncedLog)
    replace("storage.wal.open", lambda _: seals.SealedFile)
    replace("storage.wal._read_wal_file", lambda _: read_log)
    replace("engine.collection.execute_flush", noting_failure)
    replace("engine.collection.assemble_candidates", sparing_vectors)
    replace("engine.collection.assemble_candidates", lite_search.querying_at_rest)
    replace("engine.collection.execute_search_with_index", searching_at_rest)
    replace("engine.collection.Collection.get", getting_at_rest)
    replace("storage.memtable.MemTable.to_search_snapshot", taking_vectors_whole)
    replace("storage.segment.Segment.row_to_dict", giving_vectors_whole)
    replace("index.brute_force.BruteForceIndex.search", searching_in_place)
    replace("engine.collection.validate_record", trusting_numbers)
    replace("storage.memtable.MemTable._build_data_table", lambda _: build_data_table)
    replace("engine.compaction.MAX_SEGMENT_ROWS", lambda _: SEGMENT_ROWS)
    replace("engine.compaction.MAX_DATA_FILES", lambda _: DATA_FILES)
    replace("engine.compaction.CompactionManager._dedup_max_seq", sparing_a_copy)


# ── what reaches the disk ────────────────────────────────────────────────────────────────────────────────────────────


def write_table(table, path):
    """A Parquet file with plain vectors and a checksum per page, on the disk when this returns."""
    pq.write_table(table, path, write_page_checksum=True, **plain_vectors(table.schema))
    sync(path)
    sync(os.path.dirname(path))
    with pa.memory_map(path) as file:
        seals.checksums[os.path.abspath(path)] = zlib.crc32(file.read_buffer())


def plain_vectors(schema):
    """How to write a table for speed: vectors as they are, everything else as ever."""
    vectors = [field.name for field in schema if pa.types.is_fixed_size_list(field.type)]
    others = [name for name in schema.names if name not in vectors]
    compression = dict.fromkeys(others, "snappy") | dict.fromkeys(vectors, "NONE")
    return {"use_dictionary": others, "compression": compression}


def read_table(path):
    """The table in a file, its checksums verified where it has them; mapped, so that it is not in memory twice."""
    expected = seals.checksums.get(os.path.abspath(path))
    if expected is not None and (table := lite_vectors.read(os.path.abspath(path), expected)) is not None:
        return table
    try:
        with pa.memory_map(path) as file:
            if expected is not None and zlib.crc32(file.read_buffer()) != expected:
                raise Damaged(path, "its checksum is wrong")
        return pq.ParquetFile(path, memory_map=True, page_checksum_verification=expected is None).read()
    except (OSError, pa.ArrowException) as error:
        raise Damaged(path, error) from error


def noting_failure(execute_flush):
    def run(*args, **kwargs):
        try:
            return execute_flush(*args, **kwargs)
        except BaseException:
            write_failed.set()
            raise

    return run


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────


_turn = threading.RLock()


def one_at_a_time(method):
    """Lets calls that open, create, drop or rename a collection wait for each other."""

    def run(*args, **kwargs):
        with _turn:
            return method(*args, **kwargs)

    return run


def open_all(database):
    """Opens every collection; gives the names of those that cannot be, with what was raised."""
    failed = {}
    with lite_vectors.reading_ahead(seals.checksums):
        for name in database.list_collections():
            try:
                database.get_collection(name)
            except Exception as error:
                failed[name] = error
    return failed


def flush(database):
    """Makes data files of the recent rows of every open collection."""
    for one in list(database._collections.values()):
        one.flush()


def release_memory():
    """Gives back what Arrow freed and keeps for itself: after opening 30,000 photos, half of 0.8 GB."""
    pa.default_memory_pool().release_unused()


# ── reading without the vectors, or with them whole ──────────────────────────────────────────────────────────────────

_call = threading.local()


def telling_output_fields(answer):
    """A gRPC call, `Query` or `Search`, for which the engine knows which fields its caller will get ([] or "*": all)."""
    # Not with this module: it imports gRPC, for which data files need not wait.
    from lite_reply import Reply

    def told(self, request, context):
        _call.wanted = frozenset(request.output_fields)
        _call.vectors = {}
        try:
            reply = answer(self, request, context)
            return Reply(reply, _call.vectors) if _call.vectors else reply
        finally:
            del _call.wanted, _call.vectors

    return told


def searching_at_rest(execute):
    return lite_search.searching_at_rest(execute, lambda: getattr(_call, "wanted", frozenset()))


def getting_at_rest(get):
    return lite_search.getting_at_rest(get, lambda: getattr(_call, "wanted", frozenset()))


def giving_vectors_whole(row_to_dict):
    """A segment's row for such a call: its vectors as arrays, and only when they are wanted."""

    def give(self, row):
        wanted = getattr(_call, "wanted", frozenset())
        fields = [field for field in self.table.schema if field.name != "_seq"]
        if not wanted or "*" in wanted or any(field.name == "$meta" for field in fields):
            return row_to_dict(self, row)
        given = {}
        for field in fields:
            value = self.table.column(field.name)[row]
            if not pa.types.is_fixed_size_list(field.type):
                given[field.name] = value.as_py()
            elif field.name in wanted:
                given[field.name] = value.values.to_numpy() if value.is_valid else None
        return given

    return give


# Where an answer has texts and numbers that need no conversion, by the field's type and theirs.
SLOTS = {
    (DataType.VARCHAR, str): "string_data",
    (DataType.INT64, int): "long_data",
    (DataType.INT32, int): "int_data",
    (DataType.FLOAT, float): "float_data",
    (DataType.DOUBLE, float): "double_data",
}


def writing_columns_whole(build_field_data):
    """A field of an answer, written in one piece: texts or numbers of one type, and by `Reply` vectors that all are arrays."""

    def build(name, schema, column):
        kinds = set(map(type, column))
        kind = kinds.pop() if len(kinds) == 1 else None
        slot = SLOTS.get((schema.dtype, kind))
        if slot is not None:
            field = build_field_data(name, schema, [])
            getattr(field.scalars, slot).data.extend(column)
            return field
        if kind is np.ndarray and hasattr(_call, "vectors"):
            _call.vectors[name] = column
            return build_field_data(name, schema, [])
        return build_field_data(name, schema, column)

    return build


def sparing_vectors(assemble_candidates):
    """Query's candidates without their vectors, unless those are among the output fields."""

    def assemble(segments, memtable, vector_field, **options):
        wanted = getattr(_call, "wanted", frozenset())
        if vector_field is None or not wanted or vector_field in wanted or "*" in wanted:
            return assemble_candidates(segments=segments, memtable=memtable, vector_field=vector_field, **options)
        slim = [SegmentWithoutVectors(one, vector_field) for one in segments]
        return assemble_candidates(segments=slim, memtable=memtable, vector_field=None, **options)

    return assemble


class SegmentWithoutVectors:
    """A segment that gives rows without one field, the vector."""

    def __init__(self, segment, vector_field):
        self._segment = segment
        self._columns = [
            (name, segment.table.column(name)) for name in segment.table.schema.names if name not in (vector_field, "_seq")
        ]
        self.vectors = np.zeros((segment.num_rows, 0), dtype=np.float32)

    def __getattr__(self, name):
        return getattr(self._segment, name)

    def row_to_dict(self, row):
        return {name: column[row].as_py() for name, column in self._columns}


def taking_vectors_whole(to_search_snapshot):
    """The recent rows' vectors block by block instead of number by number."""

    def snapshot(self, vector_field, partition_names=None, include_table=False):
        with self._lock:
            if vector_field is None or any(batch.column(vector_field).null_count for batch in self._insert_batches):
                return to_search_snapshot(self, vector_field, partition_names, include_table)
            pks, seqs, nothing, refs, table = to_search_snapshot(self, None, partition_names, include_table)
            return pks, seqs, gather(self._insert_batches, vector_field, refs) if refs else nothing, refs, table

    return snapshot


def gather(batches, vector_field, refs):
    """float32 [len(refs), dim]: row `refs[i][1]` of batch `refs[i][0]`."""
    of_batch, of_row = np.asarray(refs, dtype=np.int64).T
    dim = batches[0].column(vector_field).type.list_size
    out = np.empty((len(refs), dim), dtype=np.float32)
    for number in np.unique(of_batch):
        block = batches[number].column(vector_field).flatten().to_numpy().reshape(-1, dim)
        here = of_batch == number
        out[here] = block[of_row[here]]
    return out


def searching_in_place(search):
    """Rows where they are, unless most are left out. Padded as the engine's own answers are: with -1 and infinity."""

    def nearest(self, queries, top_k, valid_mask=None, params=None):
        k = min(top_k, self.num_vectors)
        if k <= 0 or (valid_mask is not None and 2 * np.count_nonzero(valid_mask) < self.num_vectors):
            return search(self, queries, top_k, valid_mask=valid_mask, params=params)
        distances = distances_to(np.atleast_2d(queries), self._vectors, self.metric)
        if valid_mask is not None:
            distances[:, ~valid_mask] = np.inf
        ids = np.full((len(distances), top_k), -1, dtype=np.int64)
        found = np.full(ids.shape, np.inf, dtype=np.float32)
        for number, row in enumerate(distances):
            ids[number, :k] = least = places_of_least(row, k)
            found[number, :k] = row[least]
        ids[np.isinf(found)] = -1
        return ids, found

    return nearest


# One in so many is looked at to see where the least may end.
SAMPLE = 8


# Up to so many products of two numbers OpenBLAS works in one thread, and where it has the kernels for it, on the rows as
# they lie there.
SMALL = 1 << 18
# Of more queries than this too few rows are left for a product of that size.
FEW = 16


def distances_to(queries, vectors, metric):
    """[nq, n]. OpenBLAS takes a third less time for many rows by few queries than for few by many."""
    if metric != "IP":
        return compute_distances(queries, vectors, metric)
    several = 1 < len(queries) <= FEW
    products = products_in_parts(vectors, queries) if several else vectors @ queries.T
    return np.ascontiguousarray(-products.T)


def products_in_parts(vectors, queries):
    """[n, nq], a few rows at a time: of all rows at once OpenBLAS first copies each into another order, which takes as long
    as to multiply it by sixteen queries, and lets threads wait for each other."""
    count, dim = queries.shape
    columns = np.zeros((dim, 1 << (count - 1).bit_length()), np.float32)
    columns[:, :count] = queries.T
    rows = max(1, SMALL // columns.size)
    parts = len(vectors) // rows
    whole = parts * rows
    products = np.empty((len(vectors), columns.shape[1]), np.float32)
    np.matmul(vectors[:whole].reshape(parts, rows, dim), columns, out=products[:whole].reshape(parts, rows, columns.shape[1]))
    np.matmul(vectors[whole:], columns, out=products[whole:])
    return products[:, :count]


def places_of_least(values, k):
    """Where the `k` least stand, in their order. None is greater than the `k`th of some of them, so few are looked at."""
    some = values[::SAMPLE]
    places = np.flatnonzero(values <= np.partition(some, k - 1)[k - 1]) if k <= len(some) else np.arange(len(values))
    near = places[np.argpartition(values[places], k - 1)[:k]]
    return near[np.argsort(values[near])]


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def trusting_numbers(validate_record):
    """Validation of a record without a look at each number of its vector: protobuf carries nothing but floats."""

    def validate(record, schema, default_properties=None):
        vectors = {name: value for name, value in record.items() if type(value) is list}
        record.update((name, Unlisted(len(value))) for name, value in vectors.items())
        try:
            validate_record(record, schema, default_properties=default_properties)
        finally:
            record.update(vectors)

    return validate


class Unlisted(list):
    """A list that has a length and, to those who go through it, no elements."""

    def __init__(self, length):
        super().__init__()
        self._length = length

    def __len__(self):
        return self._length


def build_data_table(self, rows):
    """The flushed rows, (batch, row) each, as a table: taken from Arrow's memory instead of number by number."""
    names = self._data_schema.names
    table = pa.Table.from_batches([batch.select(names) for batch in self._insert_batches])
    starts = np.cumsum([0, *(batch.num_rows for batch in self._insert_batches)])
    of_batch, of_row = np.asarray(rows, dtype=np.int64).T
    return table.take(starts[of_batch] + of_row).cast(self._data_schema)


# ── merging ──────────────────────────────────────────────────────────────────────────────────────────────────────────

# A file of so many rows is left as it is, and a merge takes twice as many at most. One flush writes about as many:
# 64 MB of vectors.
SEGMENT_ROWS = 8_192
# With more files than this the engine merges full ones at every flush, to no end; so many hold two million photos.
DATA_FILES = 256


def sparing_a_copy(dedup_max_seq):
    """Drops the older rows of a key, without copying the others where no key stands twice."""

    def dedup(self, table):
        keys = table.column(self._pk_name)
        return table if pc.count_distinct(keys).as_py() == table.num_rows else dedup_max_seq(self, table)

    return dedup
