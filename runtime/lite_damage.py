"""Finds what milvus-lite 3.2.2 would make worse by opening it.

A missing manifest is an empty collection to the engine, and every data file then an orphan that it deletes; a missing
data file is a warning in its log, and a missing log no rows. All are damage here, and damage is named and left alone.
"""

import json
import os
import re
import shutil

import lite_seals as seals
from milvus_lite.db import COLLECTIONS_DIRNAME, SCHEMA_FILENAME
from milvus_lite.exceptions import MilvusLiteError
from milvus_lite.schema.persistence import SCHEMA_FORMAT_VERSION, load_schema
from milvus_lite.storage.manifest import (
    MANIFEST_FILENAME,
    MANIFEST_FORMAT_VERSION,
    MANIFEST_PREV_FILENAME,
    Manifest,
)

# All that a creation which was cut off can leave behind; the schema is in place before anything else is made.
SCHEMA_DRAFT = f"{SCHEMA_FILENAME}.tmp"

SCHEMA_KEYS = {
    "collection_name", "enable_dynamic_field", "fields", "functions", "properties", "schema_format_version", "version",
    seals.OWN,
}  # fmt: skip
MANIFEST_KEYS = {
    "active_wal_number", "current_seq", "index_specs", "manifest_format_version", "partitions", "schema_version",
    "version", seals.OWN, seals.OF_FILES,
}  # fmt: skip


class Damaged(MilvusLiteError):
    """A file of the database is not what was written."""

    def __init__(self, path, why):
        super().__init__(f"damaged: {path}: {why}")


def inspect(folder):
    """Raises Damaged when opening the database would lose rows, and clears what killed servers left behind."""
    root = os.path.join(folder, COLLECTIONS_DIRNAME)
    for path in (folder, root):
        if os.path.lexists(path) and not os.path.isdir(path):
            raise Damaged(path, "not a folder")
    leftovers = []
    for entry in os.scandir(root) if os.path.isdir(root) else []:
        if not entry.is_dir():
            continue
        if os.path.exists(os.path.join(entry.path, SCHEMA_FILENAME)):
            leftovers += inspect_collection(entry.path)
        elif set(os.listdir(entry.path)) <= {SCHEMA_DRAFT}:
            leftovers.append(entry.path)
        else:
            raise Damaged(os.path.join(entry.path, SCHEMA_FILENAME), "missing")
    for path in leftovers:
        if os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.remove(path)


def inspect_collection(folder):
    """Gives the logs that a flush did not come to delete, and the seals of logs that are no more."""
    schema = os.path.join(folder, SCHEMA_FILENAME)
    read_record(schema, SCHEMA_KEYS, "schema_format_version", SCHEMA_FORMAT_VERSION)
    try:
        name, _ = load_schema(schema)
    except (MilvusLiteError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise Damaged(schema, error) from error
    if name != os.path.basename(folder):
        raise Damaged(schema, f"it belongs to {name}")
    path = os.path.join(folder, MANIFEST_FILENAME)
    if os.path.exists(path):
        first_log = inspect_manifest(folder, path)
    elif os.path.exists(os.path.join(folder, MANIFEST_PREV_FILENAME)) or any(data_files(folder)):
        raise Damaged(path, "missing")
    else:
        first_log = 0
    return list(finished_logs(os.path.join(folder, "wal"), first_log))


def inspect_manifest(folder, path):
    """Takes note of the data files' checksums; gives the number of the first log whose rows are not in them."""
    record = read_record(path, MANIFEST_KEYS, "manifest_format_version", MANIFEST_FORMAT_VERSION)
    try:
        Manifest._load_path(folder, path)
        files = seals.data_files(folder, record)
        first_log = record["active_wal_number"] or 0
        for name, checksum in record.get(seals.OF_FILES, {}).items():
            seals.checksums[files[name]] = checksum
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise Damaged(path, error) from error
    for file in files.values():
        inspect_parquet(file)
    return first_log


def read_record(path, keys, version_key, known_version):
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if not text:
            raise Damaged(path, "empty")
        record = json.loads(text)
        version = record.get(version_key, 1)
        if version > known_version:
            raise Damaged(path, "written by a newer version of the engine")
        if seals.OWN in record and record[seals.OWN] != seals.own_checksum(record):
            raise Damaged(path, "its checksum is wrong")
        # Also what is left of a checksum's own name when that was damaged.
        unknown = record.keys() - keys
    except (OSError, TypeError, ValueError, AttributeError) as error:
        raise Damaged(path, error) from error
    if unknown:
        raise Damaged(path, f"{sorted(unknown)[0]!r} is not known")
    return record


def finished_logs(folder, first_log):
    """Logs before the first are in data files: the engine would read their rows once more, and then find them twice."""
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        found = re.fullmatch(r"(wal_(?:data|delta)_(\d+)\.arrow)(" + re.escape(seals.SEALS) + ")?", name)
        if not found:
            continue
        path, log = os.path.join(folder, name), os.path.join(folder, found[1])
        is_finished = int(found[2]) < first_log
        if os.path.exists(log):
            if is_finished and os.path.isfile(path):
                yield path
            continue
        try:
            length, _ = seals.latest_seal(log)
        except OSError as error:
            raise Damaged(path, error) from error
        if length > 0 and not is_finished:
            raise Damaged(log, "missing")
        yield path


def inspect_parquet(path):
    """Presence and both ends only: the pages' checksums are verified when the file is read."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            head = file.read(4)
            file.seek(max(0, size - 4))
            tail = file.read(4)
    except OSError as error:
        raise Damaged(path, error.strerror) from error
    if size == 0:
        raise Damaged(path, "empty")
    if head != b"PAR1" or tail != b"PAR1":
        raise Damaged(path, "cut short or overwritten")


def data_files(folder):
    for _, _, names in os.walk(os.path.join(folder, "partitions")):
        yield from (name for name in names if name.endswith(".parquet"))
