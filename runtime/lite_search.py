"""Searches and queries of rows that lie in data files alone, as all do soon after an index run.

The engine goes through every row of a collection in Python, for each search, to see which rows are the newest of their
keys, and reads what it has found value by value. Data files never change: what is newest among some of them is worked
out once here, and rows are read column by column. Recent rows, which are in memory, are left to the engine.
"""

import json
import re

import numpy as np
import pyarrow as pa
from milvus_lite.index.brute_force import BruteForceIndex
from milvus_lite.search.indexed_filter import evaluate_segment_filter

# Of so many sets of data files at a time is known what is newest: of each collection the present one.
KEPT = 8


class Newest:
    """For each data file of some, which of its rows are the newest of their keys: arrays of bool."""

    def __init__(self):
        self._kept = {}

    def of(self, segments):
        key = tuple(one.file_path for one in segments)
        seqs = [one.seqs for one in segments]
        known, masks = self._kept.get(key, ((), None))
        # The same files have the same arrays for as long as they are open.
        if masks is None or any(one is not other for one, other in zip(known, seqs, strict=True)):
            masks = newest_rows(segments)
            self._kept.pop(key, None)
            while len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)), None)
            self._kept[key] = (seqs, masks)
        return masks


def newest_rows(segments):
    """One row of each key, the first of equals: a kill could leave rows in two data files where logs outlived them."""
    rows = [len(one.pks) for one in segments]
    if len(set().union(*(one.pks for one in segments))) == sum(rows):
        return [np.ones(count, bool) for count in rows]
    newest = {}
    for number, one in enumerate(segments):
        for row, (pk, seq) in enumerate(zip(one.pks, one.seqs.tolist(), strict=True)):
            if pk not in newest or newest[pk][0] < seq:
                newest[pk] = (seq, number, row)
    masks = [np.zeros(len(one.seqs), bool) for one in segments]
    for _, number, row in newest.values():
        masks[number][row] = True
    return masks


newest = Newest()


def at_rest(memtable, segments):
    """Whether all rows, and all that is known of removed ones, are in data files."""
    return len(segments) > 0 and memtable.size() == 0


def live_rows(segments, deleted):
    """The newest rows but for those removed since. `deleted`: by key, the sequence number of its removal."""
    masks = newest.of(segments)
    if not deleted:
        return masks
    masks = [mask.copy() for mask in masks]
    for pk, removal in deleted.items():
        for one, mask in zip(segments, masks, strict=True):
            row = one.pk_to_row.get(pk)
            if row is not None and removal > int(one.seqs[row]):
                mask[row] = False
    return masks


def searching_at_rest(execute, wanted_fields):
    """`execute_search_with_index`. `wanted_fields()`: the fields that the caller gets, empty where that is not known."""

    def search(query_vectors, segments, memtable, delta_index, top_k, metric_type, pk_field, vector_field, **options):
        segments = [one for one in segments if one.num_rows > 0]
        wanted = wanted_fields()
        if options.get("partition_names") or not at_rest(memtable, segments) or not plain(segments, wanted):
            return execute(
                query_vectors, segments, memtable, delta_index, top_k, metric_type, pk_field, vector_field, **options
            )
        found = []
        for number, (one, live) in enumerate(zip(segments, live_rows(segments, delta_index._map), strict=True)):
            vectors, present = one.vector_data(vector_field)
            live = live if present is None else live & present
            if (condition := options.get("compiled_filter")) is not None:
                live = live & evaluate_segment_filter(one, condition, options.get("indexed_filter_plan"))
            if not live.any():
                continue
            index = one.indexes.get(vector_field) or BruteForceIndex.build(vectors, metric_type)
            rows, distances = index.search(
                query_vectors, top_k, valid_mask=None if live.all() else live, params=options.get("search_params")
            )
            found.append((distances, np.full_like(rows, number), rows))
        if not found:
            return [[] for _ in query_vectors]
        distances, numbers, rows = (np.concatenate(part, axis=1) for part in zip(*found, strict=True))
        # Ties by data file and row, as the engine has them; -1 stands for no row.
        order = np.lexsort((rows, numbers, distances, rows < 0))[:, :top_k]
        distances, numbers, rows = (np.take_along_axis(part, order, axis=1) for part in (distances, numbers, rows))
        entities = {
            (number, row): entity
            for number in np.unique(numbers)
            for row, entity in read(segments[number], np.unique(rows[(numbers == number) & (rows >= 0)]), wanted)
        }
        return [
            [
                {"id": segments[number].pks[row], "distance": distance, "entity": entities[number, row]}
                for distance, number, row in zip(*one, strict=True)
                if row >= 0
            ]
            for one in zip(distances.tolist(), numbers.tolist(), rows.tolist(), strict=True)
        ]

    return search


def plain(segments, wanted):
    """Whether the fields are columns of their own, as those of curate are."""
    return bool(wanted) and all(wanted <= set(one.table.schema.names) for one in segments)


def read(segment, rows, wanted):
    """Each row with its fields: vectors as arrays, everything else as Python has it."""
    columns = {}
    for field in segment.table.schema:
        if field.name not in wanted:
            continue
        vectors, missing = segment.vector_data(field.name) if pa.types.is_fixed_size_list(field.type) else (None, None)
        if vectors is not None and missing is None:
            # Each where it lies: all of them in one array would be a copy more.
            columns[field.name] = [vectors[row] for row in rows]
        else:
            columns[field.name] = segment.table.column(field.name).take(pa.array(rows.tolist(), pa.int64())).to_pylist()
    return [
        (row, dict(zip(columns, values, strict=True)))
        for row, values in zip(rows.tolist(), zip(*columns.values(), strict=True), strict=True)
    ]


def querying_at_rest(assemble):
    """`assemble_candidates` of a query with a condition: the rows that meet it, among the newest; vectors are not read."""

    def candidates(segments, memtable, **options):
        segments = [one for one in segments if one.num_rows > 0]
        condition = options.get("filter_compiled")
        if options.get("partition_names") or condition is None or not at_rest(memtable, segments):
            return assemble(segments=segments, memtable=memtable, **options)
        pks, seqs, sources = [], [], []
        for one, rows in zip(segments, newest.of(segments), strict=True):
            met = np.flatnonzero(rows & evaluate_segment_filter(one, condition, options.get("indexed_filter_plan")))
            pks += [one.pks[row] for row in met]
            seqs.append(one.seqs[met])
            sources += [(one, row) for row in met.tolist()]
        return pks, np.concatenate(seqs), np.zeros((len(pks), 0), np.float32), sources, np.ones(len(pks), bool)

    return candidates


def getting_at_rest(get, wanted_fields):
    """`Collection.get`, which a query by keys comes to: the rows of keys, in their order, read column by column."""

    def rows(self, pks, partition_names=None, expr=None, output_fields=None, timezone=None):
        # Before the data files are looked at: what is in memory now may be in one that is not among them.
        resting = self._memtable.size() == 0
        segments, delta_index = self._read_snapshot()
        segments = [one for one in segments if one.num_rows > 0]
        wanted = wanted_fields()
        if not resting or partition_names or expr or not at_rest(self._memtable, segments) or not plain(segments, wanted):
            return get(self, pks, partition_names, expr, output_fields, timezone)
        self._require_loaded()
        places = {}
        for number, (one, live) in enumerate(zip(segments, live_rows(segments, delta_index._map), strict=True)):
            for pk in pks:
                row = one.pk_to_row.get(pk)
                if row is not None and live[row]:
                    places[pk] = (number, row)
        found = {
            (number, row): entity
            for number, one in enumerate(segments)
            for row, entity in read(one, np.array([row for n, row in places.values() if n == number], int), wanted)
        }
        return [found[places[pk]] | {self._pk_name: pk} for pk in pks if pk in places]

    return rows


# As curate writes a query by keys.
KEYS = re.compile(r'id in (\["[0-9a-f]+"(?:,"[0-9a-f]+")*\])')


def reading_keys_at_once(extract):
    """The keys of a query by nothing else: the engine's parser takes longer than it takes to find their rows."""

    def keys(expr, collection):
        listed = KEYS.fullmatch(expr) if collection._pk_name == "id" else None
        return extract(expr, collection) if listed is None else json.loads(listed[1])

    return staticmethod(keys)
