"""What of milvus-lite is replaced, why, and what shows it; each part is replaced only when it is the one that was read.

CORRECTIONS is the table. Each can be dropped by itself once the engine does without: its row here, and what it puts in
place in `lite_engine.amend`. Whoever takes another version of the engine reads every part again that `check` names, and
notes its `digest` here.
"""

import builtins
import glob
import hashlib
import importlib
import importlib.util
import os
import re
from functools import cache
from typing import NamedTuple

VERSION = "3.2.2"
DEFINITION = re.compile(r"^( *)(?:def|class) (\w+)", re.MULTILINE)


class Changed(Exception):
    """The engine is not the one that the corrections were written for."""


class Correction(NamedTuple):
    serves: str
    """"safety": without it confirmed rows can be lost or changed; "speed" or "memory": without it they cost more."""
    symptom: str
    """What the engine does as it comes."""
    shown_by: str
    """A test in test/store, or the bench that measures it."""
    replaces: tuple
    """Names below `milvus_lite`."""
    read: dict
    """The functions and classes that are replaced or that use what is, by name, and what digest their source had."""


SAME_ROWS = "lite-engine: gives the same rows and hits from memory, from a data file, and from the log after a kill"

CORRECTIONS = (
    Correction(
        "safety",
        "names data files in its manifest before they are on the disk; takes changed bits for other values",
        "lite-corrections: has a data file on the disk before the manifest that names it; lite-checksums",
        ("storage.data_file.pq", "storage.delta_file.pq"),
        {
            "storage.data_file.read_data_file": "7f11c8a0631c2eed",
            "storage.data_file.write_data_file": "d408cc318580fc9f",
            "storage.delta_file.read_delta_file": "c76347f66aa45763",
            "storage.delta_file.write_delta_file": "1cb3dc316bcd2ef6",
        },
    ),
    Correction(
        "speed",
        "codes vectors by dictionary, which makes a file several times slower to open",
        "bench/store.js: cold, from opening to the first hit",
        ("storage.data_file.pq",),
        {"storage.data_file.write_data_file": "d408cc318580fc9f"},
    ),
    Correction(
        "safety",
        "confirms writes that only the operating system's memory holds",
        "lite-corrections: has a write and its seal on the disk before it confirms it",
        ("engine.collection.WAL", "storage.wal.open"),
        {
            "storage.wal.WAL": "8dbf26b99f76b52c",
            "engine.collection.Collection.__init__": "21fbb0bd232bbc34",
            "engine.collection.Collection._trigger_flush": "ac7b6f015b26fe38",
        },
    ),
    Correction(
        "safety",
        "takes a damaged log for one that a kill cut short, and leaves out the rows behind the damage in silence",
        "lite-checksums: gives the same rows when any of its files is harmed at random, or names that file",
        ("storage.wal._read_wal_file",),
        {"storage.wal._read_wal_file": "61817b957e33409c", "storage.wal.WAL": "8dbf26b99f76b52c"},
    ),
    Correction(
        "safety",
        "writes the list of data files and the schema without checksums",
        "lite-checksums: gives the same rows when any of its files is harmed at random, or names that file",
        ("storage.manifest.json", "schema.persistence.json"),
        {
            "storage.manifest.Manifest": "56eabbd62e0c3240",
            "schema.persistence.save_schema": "afd7ffd8641dd388",
            "schema.persistence.load_schema": "1e69065a00ce0c85",
        },
    ),
    Correction(
        "safety",
        "continues after a failed flush (a full disk), and its next flush deletes the log of the rows that failed",
        "lite-engine: loses nothing when it refuses a data file",
        ("engine.collection.execute_flush",),
        {
            "engine.flush.execute_flush": "28d1cbaef7691b6e",
            "engine.collection.Collection._trigger_flush": "ac7b6f015b26fe38",
        },
    ),
    Correction(
        "safety",
        "opens a collection twice when two calls ask for it at once, each with a log of its own",
        "lite-corrections: opens a collection once for calls that ask for it at once",
        tuple(f"db.MilvusLite.{verb}_collection" for verb in ("create", "drop", "get", "rename")),
        {
            "db.MilvusLite.create_collection": "1b74a666d33980d7",
            "db.MilvusLite.drop_collection": "48325d40131c6fa2",
            "db.MilvusLite.get_collection": "bb4fd4416d7c04fe",
            "db.MilvusLite.rename_collection": "90ad3aaa07ddc9d8",
        },
    ),
    Correction(
        "speed",
        "turns every vector of the collection into Python numbers to list rows or to count them",
        f"{SAME_ROWS}; bench/store.js: list all rows, count",
        ("engine.collection.assemble_candidates", "adapter.grpc.servicer.MilvusServicer.Query"),
        {
            "search.assembler.assemble_candidates": "5ad065a339e469ac",
            "engine.collection.Collection.query": "40d4e4cb2300405c",
            "adapter.grpc.servicer.MilvusServicer.Query": "66e0ca3ae56b426f",
        },
    ),
    Correction(
        "speed",
        "goes through every row of the collection in Python for each search and query, and reads hits value by value",
        f"{SAME_ROWS}; bench/store.js: search",
        ("engine.collection.execute_search_with_index", "engine.collection.assemble_candidates"),
        {
            "search.executor_indexed.execute_search_with_index": "c7d84f26817c294a",
            "engine.collection.Collection.search": "0934a6f14850b4e5",
            "engine.collection.Collection.query": "40d4e4cb2300405c",
            "search.assembler.assemble_candidates": "5ad065a339e469ac",
            "search.bitmap.build_valid_mask": "67a0c6df1a5942d5",
            "search.indexed_filter.evaluate_segment_filter": "b88f5a6892b96c40",
            "storage.delta_index.DeltaIndex": "bca38015c994740d",
            "storage.memtable.MemTable.size": "8240b2fdaed67dd7",
            "storage.segment.Segment": "38c075845a561078",
            "engine.projection.project_record": "152d04bf78b312e2",
        },
    ),
    Correction(
        "speed",
        "reads rows that are asked for by their keys value by value, and takes the list of keys apart letter by letter",
        f"{SAME_ROWS}; bench/store.js: rows by their ids",
        ("engine.collection.Collection.get", "adapter.grpc.servicer.MilvusServicer._extract_pks_from_expr"),
        {
            "engine.collection.Collection.get": "e1b9c61c3f77f2f3",
            "adapter.grpc.servicer.MilvusServicer._extract_pks_from_expr": "1e114a29672cfd7d",
            "adapter.grpc.servicer.MilvusServicer.Query": "66e0ca3ae56b426f",
            "adapter.grpc.translators.records.records_to_fields_data": "1a3d724088867c0d",
            "storage.memtable.MemTable.size": "8240b2fdaed67dd7",
            "storage.segment.Segment": "38c075845a561078",
        },
    ),
    Correction(
        "speed",
        "turns every vector of the recent rows into Python numbers to search them",
        f"{SAME_ROWS}; bench/store.js: search",
        ("storage.memtable.MemTable.to_search_snapshot",),
        {
            "storage.memtable.MemTable.to_search_snapshot": "b1eb10a027a60fb4",
            "search.assembler.assemble_candidates": "5ad065a339e469ac",
        },
    ),
    Correction(
        "speed",
        "copies every vector of a data file to search it, also where none is left out",
        f"{SAME_ROWS}; bench/store.js: search",
        ("index.brute_force.BruteForceIndex.search",),
        {
            "index.brute_force.BruteForceIndex": "5ac8294cd4728d25",
            "search.distance.compute_distances": "24e8f4dedd757ee3",
            "search.executor_indexed.execute_search_with_index": "c7d84f26817c294a",
        },
    ),
    Correction(
        "speed",
        "turns every vector of a row that is found into Python numbers, asked for or not, and those back again, and copies them "
        "with each message that they are put into; looks at every other value of an answer by itself",
        f"{SAME_ROWS}; bench/store.js: search, k = 100, with the vectors of the hits",
        (
            "storage.segment.Segment.row_to_dict",
            "adapter.grpc.servicer.MilvusServicer.Search",
            "adapter.grpc.translators.records._build_field_data",
        ),
        {
            "storage.segment.Segment.row_to_dict": "6bb6563f5e7e38bb",
            "adapter.grpc.servicer.MilvusServicer.Search": "1efd30f4422a32e7",
            "adapter.grpc.translators.records._build_field_data": "a65b7778d4abb53a",
            "adapter.grpc.translators.result.build_search_result_data": "c6b8cd51a1eeb64b",
            "search.executor_indexed.execute_search_with_index": "c7d84f26817c294a",
        },
    ),
    Correction(
        "speed",
        "looks at the type of each number of each vector that is written, which takes four fifths of a write",
        f"{SAME_ROWS}; bench/store.js: upsert",
        ("engine.collection.validate_record",),
        {
            "schema.validation.validate_record": "ca721ce1bc70d85b",
            "engine.collection.Collection.insert": "08662650abcc8444",
        },
    ),
    Correction(
        "memory",
        "turns every number that it flushes into one of Python's: 0.8 GB and seconds for 64 MB",
        f"{SAME_ROWS}; bench/store.js: flush, peak memory",
        ("storage.memtable.MemTable._build_data_table",),
        {
            "storage.memtable.MemTable._build_data_table": "4a48ce250f239ec5",
            "storage.memtable.MemTable.flush": "e4104c1aecffad85",
        },
    ),
    Correction(
        "memory",
        "merges data files of up to 200,000 rows in all, with four copies of them in memory",
        "lite-engine: gives the last version of each row when files that hold several are merged; bench/store.js: memory",
        (
            "engine.compaction.MAX_DATA_FILES",
            "engine.compaction.MAX_SEGMENT_ROWS",
            "engine.compaction.CompactionManager._dedup_max_seq",
        ),
        {"engine.compaction.CompactionManager": "3d17b37e0142d9b2"},
    ),
)  # fmt: skip


def check():
    """Raises Changed unless the engine is the one that was read; imports nothing of it. A missing file is an OSError."""
    installed = installed_version()
    if installed != VERSION:
        raise Changed(f"milvus-lite {installed} is installed, and curate's corrections are for {VERSION}")
    for correction in CORRECTIONS:
        demand(correction)


def installed_version():
    """As the package's metadata has it; to import `importlib.metadata` takes as long as to check all parts."""
    (path,) = glob.glob(os.path.join(glob.escape(os.path.dirname(folder())), "milvus_lite-*.dist-info", "METADATA"))
    with open(path, encoding="utf-8") as file:
        return re.search(r"^Version: (\S+)", file.read(), re.MULTILINE)[1]


def replace(name, make):
    """Puts `make(what is there)` in the place of `name`, which must be in the table, there, and as it was read."""
    corrections = [one for one in CORRECTIONS if name in one.replaces]
    if not corrections:
        raise LookupError(f"{name} is not among the corrections")
    for correction in corrections:
        demand(correction)
    owner, _, attribute = name.rpartition(".")
    try:
        owner = resolve(owner)
        replaced = getattr(owner, attribute) if hasattr(owner, attribute) else getattr(builtins, attribute)
    except (ImportError, AttributeError) as error:
        raise gone(name) from error
    setattr(owner, attribute, make(replaced))


def demand(correction):
    for part, known in correction.read.items():
        found = digest(part)
        if found is None:
            raise gone(part)
        if found != known:
            raise Changed(f"{part} of milvus-lite {VERSION} is not what curate corrects (its source is {found})")


def gone(name):
    return Changed(f"milvus-lite {VERSION} has no {name}, which curate corrects")


def digest(part):
    """Of the source of a function or class, 16 digits of its SHA-256; None where there is none."""
    text = source(part)
    return None if text is None else hashlib.sha256(text.rstrip().encode()).hexdigest()[:16]


@cache
def source(name):
    """The text of a module, class or function; None where its module has no such name.

    It is taken by its indentation: what `inspect` gives differs between versions of Python, and takes longer.
    """
    module, inner = split(name)
    if not inner:
        with open(os.path.join(folder(), *module) + ".py", encoding="utf-8") as file:
            return file.read()
    around, _, own = name.rpartition(".")
    text = source(around) or ""
    for found in DEFINITION.finditer(text):
        if found[2] == own:
            # Up to the next line that stands no further in; a bracket there belongs to the list of parameters.
            body = re.compile(rf"[^\n]*(?:\n(?:{found[1]}[ )\]][^\n]*)?)*")
            return body.match(text, found.start())[0]
    return None


def resolve(name):
    """The module or class of a dotted name."""
    module, classes = split(name)
    found = importlib.import_module(".".join(["milvus_lite", *module]))
    for one in classes:
        found = getattr(found, one)
    return found


def split(name):
    """A dotted name's module, and what is named within that."""
    names = name.split(".")
    packages = 0
    while os.path.isdir(os.path.join(folder(), *names[: packages + 1])):
        packages += 1
    return names[: packages + 1], names[packages + 1 :]


@cache
def folder():
    return importlib.util.find_spec("milvus_lite").submodule_search_locations[0]
