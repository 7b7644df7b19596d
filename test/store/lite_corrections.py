"""Tries the corrections of runtime/lite_corrections.py, and prints what came of it as JSON.

usage: lite_corrections.py RUNTIME_DIR table|version|digests|renamed|order|ahead|open|newest|products|vectors [FOLDER]
    table    the rows, and of which of the names that they replace the value is another after `load_engine`
    version, digests, renamed    what `check` says of another version, and of each part when its source is another or gone
    order    what reaches the disk, in order, while rows are written and flushed in FOLDER
    ahead    which collections of those that `order` left in FOLDER are opened before anybody asks, which cannot be, and what is
             imported for it that takes long and is not needed
    products    how far distances to a few vectors at a time are from exact ones
    vectors  which data files, written in several ways, are read without Arrow's decoder, and whether each is as Arrow has it
    newest   which rows of three data files count, of keys that stand in several with the same or a later number, and of two
             that have none in common
    open     how many collections are opened by eight calls at once for one that stands in FOLDER
"""

import builtins
import json
import os
import sys
import threading
import time
import zlib
from types import SimpleNamespace

runtime, what = sys.argv[1:3]
sys.path.insert(0, runtime)

import lite_corrections as corrections  # noqa: E402
from lite_server import load_engine  # noqa: E402

NAMES = [name for row in corrections.CORRECTIONS for name in row.replaces]


def value(name):
    owner, _, attribute = name.rpartition(".")
    return getattr(corrections.resolve(owner), attribute, getattr(builtins, attribute, None))


def refusal():
    try:
        corrections.check()
    except corrections.Changed as error:
        return str(error)
    return None


def table():
    # First the engine as it comes.
    sys.modules["lite_engine"] = SimpleNamespace(amend=lambda: None)
    load_engine()
    before = {name: value(name) for name in NAMES}
    del sys.modules["lite_engine"], sys.modules["pymilvus"]
    load_engine()
    import lite_service

    lite_service.amend()
    rows = [row._asdict() for row in corrections.CORRECTIONS]
    return {"rows": rows, "replaced": [name for name in before if value(name) is not before[name]]}


def newest():
    import lite_search
    import numpy as np

    rows = ("a", 1), ("b", 2)
    files = [rows, (*rows, ("c", 3)), (("b", 5), ("b", 5))]
    segments = [SimpleNamespace(pks=[pk for pk, _ in file], seqs=np.array([seq for _, seq in file])) for file in files]
    apart = [segments[1], SimpleNamespace(pks=["d"], seqs=np.array([1]))]
    return [[mask.tolist() for mask in lite_search.newest_rows(some)] for some in (segments, apart)]


def products():
    """By how many vectors are searched for among how many: the greatest difference from products in float64."""
    import lite_engine
    import numpy as np

    random = np.random.default_rng(1)
    off = {}
    for rows in (0, 1, 5, 500):
        for count in (1, 2, 3, 7, 16, 17):
            vectors, queries = (random.standard_normal((many, 2048), np.float32) for many in (rows, count))
            found = lite_engine.distances_to(queries, vectors, "IP")
            exact = -(queries.astype(float) @ vectors.astype(float).T)
            off[f"{count} among {rows}"] = float(abs(found - exact).max(initial=0)) if found.shape == exact.shape else None
    return off


def vectors():
    """By way of writing: null where Arrow has to read it, else whether it is the same table."""
    import lite_vectors
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    os.makedirs(sys.argv[3])
    path = os.path.join(sys.argv[3], "data.parquet")
    rows, dim = 700, 64
    numbers = np.random.default_rng(1).standard_normal((rows, dim), np.float32)

    def table(values, **options):
        field = pa.field("vec", pa.list_(pa.float32(), dim), **options)
        schema = pa.schema([("_seq", pa.uint64()), field, ("id", pa.string())], metadata={"kept": "yes"})
        return pa.table([range(rows), values, [f"{row}.jpg" for row in range(rows)]], schema=schema)

    whole = pa.FixedSizeListArray.from_arrays(numbers.ravel(), dim)
    gap = [None, *numbers[1:].tolist()]
    plain = {"use_dictionary": ["id"], "compression": {"id": "snappy", "_seq": "snappy", "vec.list.element": "NONE"}}
    ways = {
        "as curate writes": (table(whole, nullable=False), {"write_page_checksum": True}),
        "many pages": (table(whole, nullable=False), {"data_page_size": 4096}),
        "many groups": (table(whole), {"row_group_size": 300, "data_page_size": 4096}),
        "without statistics": (table(whole), {"write_statistics": False}),
        "with a gap": (table(gap), {}),
        "with a gap in a vector": (table([[None, *numbers[0, 1:].tolist()], *numbers[1:].tolist()]), {}),
        "compressed": (table(whole), {"compression": "snappy"}),
        "by dictionary": (table(whole), {"use_dictionary": True}),
        "by streams of bytes": (table(whole), {"column_encoding": {"vec.list.element": "BYTE_STREAM_SPLIT"}}),
        "in other pages": (table(whole), {"data_page_version": "2.0"}),
        "no vectors": (table(whole).drop_columns("vec"), {}),
    }

    def read(written, options):
        if "vec" in written.schema.names:
            pq.write_table(written, path, **(plain | options))
        else:
            pq.write_table(written, path)
        with open(path, "rb") as file:
            checksum = zlib.crc32(file.read())
        found = lite_vectors.read_whole(path, checksum)
        if lite_vectors.read_whole(path, checksum ^ 1) is not None:
            return "whatever its checksum"
        if found is None:
            return None
        found.validate(full=True)
        return found.equals(pq.read_table(path), check_metadata=True)

    return {way: read(*what) for way, what in ways.items()}


def version():
    corrections.installed_version = lambda: "9.9.9"
    return refusal()


def changed(alter):
    """What `check` says when the text of one part is another, for each part."""
    said = {}
    source = corrections.source
    for part in {part for row in corrections.CORRECTIONS for part in row.read}:
        corrections.source = lambda name, part=part: alter(source(name)) if name == part else source(name)
        said[part] = refusal()
    corrections.source = source
    return {"said": said, "unaltered": refusal()}


def collection(folder):
    engine = load_engine()
    from milvus_lite import CollectionSchema, DataType, FieldSchema

    fields = [
        FieldSchema(name="id", dtype=DataType.VARCHAR, is_primary=True, max_length=64),
        FieldSchema(name="vec", dtype=DataType.FLOAT_VECTOR, dim=8),
    ]
    database = engine.Database(folder)
    return database, database.create_collection("photos", CollectionSchema(fields=fields))


def order():
    database, photos = collection(sys.argv[3])
    events = []
    fsync, replace = os.fsync, os.replace

    def noting_fsync(fd):
        fsync(fd)
        events.append("disk " + os.path.relpath(os.readlink(f"/proc/self/fd/{fd}"), photos._data_dir))

    def noting_replace(old, new):
        replace(old, new)
        events.append("name " + os.path.relpath(new, photos._data_dir))

    os.fsync, os.replace = noting_fsync, noting_replace
    photos.insert([{"id": "a", "vec": [1.0] * 8}])
    events.append("confirmed insert")
    photos.delete(["a"])
    events.append("confirmed delete")
    photos.insert([{"id": "b", "vec": [1.0] * 8}])
    photos.flush()
    os.fsync, os.replace = fsync, replace
    database.close()
    return events


def ahead():
    engine = load_engine()
    engine.inspect(sys.argv[3])
    database = engine.Database(sys.argv[3])
    failed = engine.open_all(database)
    imported = [name for name in ("grpc", "numpy.ma") if name in sys.modules]
    return {"open": [name for _, name in database._collections], "failed": list(failed), "imported": imported}


def open_at_once():
    database, _ = collection(sys.argv[3])
    database.close()
    import lite_engine
    from milvus_lite import db

    opened = []
    original = db.Collection

    class Slow(original):
        def __init__(self, *args, **kwargs):
            opened.append(1)
            time.sleep(0.2)
            super().__init__(*args, **kwargs)

    db.Collection = Slow
    again = lite_engine.Database(sys.argv[3])
    threads = [threading.Thread(target=again.get_collection, args=("photos",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again.close()
    return len(opened)


tries = {
    "table": table,
    "version": version,
    "digests": lambda: changed(lambda text: text + "    # mended upstream"),
    "renamed": lambda: changed(lambda _: None),
    "order": order,
    "ahead": ahead,
    "newest": newest,
    "products": products,
    "vectors": vectors,
    "open": open_at_once,
}
print(json.dumps(tries[what]()))
