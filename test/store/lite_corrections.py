"""Tries the corrections of runtime/lite_corrections.py, and prints what came of it as JSON.

usage: lite_corrections.py RUNTIME_DIR table|version|digests|renamed|order|open|newest [FOLDER]
    table    the rows, and of which of the names that they replace the value is another after `load_engine`
    version, digests, renamed    what `check` says of another version, and of each part when its source is another or gone
    order    what reaches the disk, in order, while rows are written and flushed in FOLDER
    newest   which rows of three data files count, of keys that stand in several with the same or a later number
    open     how many collections are opened by eight calls at once for one that stands in FOLDER
"""

import builtins
import json
import os
import sys
import threading
import time
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
    return [mask.tolist() for mask in lite_search.newest_rows(segments)]


def version():
    corrections.importlib.metadata.version = lambda _: "9.9.9"
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
    "newest": newest,
    "open": open_at_once,
}
print(json.dumps(tries[what]()))
