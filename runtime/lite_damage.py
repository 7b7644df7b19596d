"""Finds what milvus-lite 3.2.2 would make worse by opening it.

A missing manifest is an empty collection to the engine, and every data file then an orphan that it deletes; a missing
data file is a warning in its log. Both are damage here, and damage is named and left alone.
"""

import json
import os
import shutil

from milvus_lite.db import COLLECTIONS_DIRNAME, SCHEMA_FILENAME
from milvus_lite.exceptions import MilvusLiteError
from milvus_lite.schema.persistence import SCHEMA_FORMAT_VERSION, load_schema
from milvus_lite.storage.manifest import MANIFEST_FILENAME, MANIFEST_FORMAT_VERSION, MANIFEST_PREV_FILENAME

# All that a creation which was cut off can leave behind; the schema is in place before anything else is made.
SCHEMA_DRAFT = f"{SCHEMA_FILENAME}.tmp"


class Damaged(MilvusLiteError):
    """A file of the database is not what was written."""

    def __init__(self, path, why):
        super().__init__(f"damaged: {path}: {why}")


def inspect(folder):
    """Raises Damaged when opening the database would lose rows, and clears what a killed creation left behind."""
    root = os.path.join(folder, COLLECTIONS_DIRNAME)
    for entry in os.scandir(root) if os.path.isdir(root) else []:
        if not entry.is_dir():
            continue
        if os.path.exists(os.path.join(entry.path, SCHEMA_FILENAME)):
            inspect_collection(entry.path)
        elif set(os.listdir(entry.path)) <= {SCHEMA_DRAFT}:
            shutil.rmtree(entry.path)
        else:
            raise Damaged(os.path.join(entry.path, SCHEMA_FILENAME), "missing")


def inspect_collection(folder):
    schema = os.path.join(folder, SCHEMA_FILENAME)
    read_record(schema, "schema_format_version", SCHEMA_FORMAT_VERSION)
    try:
        load_schema(schema)
    except (MilvusLiteError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise Damaged(schema, error) from error
    path = os.path.join(folder, MANIFEST_FILENAME)
    if not os.path.exists(path):
        if os.path.exists(os.path.join(folder, MANIFEST_PREV_FILENAME)) or any(data_files(folder)):
            raise Damaged(path, "missing")
        return
    manifest = read_record(path, "manifest_format_version", MANIFEST_FORMAT_VERSION)
    for partition, files in manifest.get("partitions", {}).items():
        for name in files.get("data_files", []) + files.get("delta_files", []):
            inspect_parquet(os.path.join(folder, "partitions", partition, name))


def read_record(path, version_key, known_version):
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
        version = record.get(version_key, 1)
    except (OSError, ValueError, AttributeError) as error:
        raise Damaged(path, error) from error
    if version > known_version:
        raise Damaged(path, "written by a newer version of the engine")
    return record


def inspect_parquet(path):
    """Presence and both ends only: the pages' checksums are verified when the file is read."""
    try:
        with open(path, "rb") as file:
            head = file.read(4)
            file.seek(-4, os.SEEK_END)
            tail = file.read(4)
    except OSError as error:
        raise Damaged(path, error.strerror) from error
    if head != b"PAR1" or tail != b"PAR1":
        raise Damaged(path, "cut short or overwritten")


def data_files(folder):
    for _, _, names in os.walk(os.path.join(folder, "partitions")):
        yield from (name for name in names if name.endswith(".parquet"))
