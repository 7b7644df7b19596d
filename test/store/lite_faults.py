"""Does harm to copies of a database of the embedded store, and says what opening them gave.

usage: lite_faults.py RUNTIME_DIR DATABASE garble|kill TRIALS SEED
Prints {"same": N, "named": N, "shorter": N, "wrong": ["what was done: what came of it", ...]} as JSON.
    garble  a random file is overwritten in part, has a bit flipped, is cut short, removed or made a folder: opening must
            give the same rows ("same") or name the file and leave it as it is ("named")
    kill    a log ends anywhere inside its last record, or in the seal of that: opening must give all rows ("same") or
            those without the last record ("shorter")
"""

import hashlib
import json
import logging
import os
import random
import shutil
import sys
import tempfile

runtime, database, harm = sys.argv[1:4]
trials, seed = map(int, sys.argv[4:])
sys.path.insert(0, runtime)

from lite_server import load_engine  # noqa: E402

logging.disable(logging.CRITICAL)
engine = load_engine()
chance = random.Random(seed)


def rows_of(folder):
    """What every row of every collection holds."""
    engine.seals.checksums.clear()
    engine.inspect(folder)
    opened = engine.Database(folder)
    try:
        found = hashlib.sha256()
        for name in opened.list_collections():
            rows = opened.get_collection(name).query(None)
            for row in sorted(repr(sorted(row.items())) for row in rows):
                found.update(f"{name} {row}\n".encode())
        return found.hexdigest()
    finally:
        opened.close()


def files_of(folder):
    return sorted(os.path.join(base, name) for base, _, names in os.walk(folder) for name in names if name != "LOCK")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def content(path):
    return read(path) if os.path.isfile(path) else os.path.exists(path)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def garble(folder):
    path = chance.choice(files_of(folder))
    data = bytearray(read(path))
    kind = chance.choice(["bytes", "bytes", "bit", "bit", "cut", "zeros", "garbage", "remove", "folder"])
    at = chance.randrange(len(data))
    length = min(chance.choice([1, 4, 64, 4096]), len(data) - at)
    if kind == "bytes":
        data[at : at + length] = chance.randbytes(length)
    elif kind == "zeros":
        data[at : at + length] = bytes(length)
    elif kind == "bit":
        data[at] ^= 1 << chance.randrange(8)
    elif kind == "cut":
        del data[at:]
    elif kind == "garbage":
        data = chance.randbytes(len(data))
    if kind in ("remove", "folder"):
        os.remove(path)
        if kind == "folder":
            os.mkdir(path)
    else:
        write(path, data)
    return path, f"{os.path.relpath(path, folder)}, {kind} at {at}, {length} long"


def kill(folder, end=None):
    path = chance.choice([path for path in files_of(folder) if path.endswith(".arrow")])
    seals = read(path + engine.seals.SEALS)
    size = engine.seals.SEAL.size
    confirmed = [length for length, _, _ in engine.seals.SEAL.iter_unpack(seals)]
    whole, before = confirmed[-1], confirmed[-2] if len(confirmed) > 1 else 0
    cut = chance.choice([chance.randrange(before, whole + 1), before, whole - 1, whole]) if end is None else before
    torn = chance.randrange(size) if cut == whole else 0
    write(path, read(path)[:cut])
    write(path + engine.seals.SEALS, seals[: len(seals) - size + torn])
    return path, f"{os.path.relpath(path, folder)} of {whole} cut at {cut}, {torn} bytes of its seal"


def opened_copy(harm_it):
    """The rows of a copy that was harmed, or the exception; what was done; whether the file in question was left."""
    with tempfile.TemporaryDirectory() as place:
        folder = shutil.copytree(database, os.path.join(place, "db"))
        path, done = harm_it(folder)
        harmed = content(path)
        try:
            return rows_of(folder), done, path, True
        except Exception as error:
            return error, done, path, harmed == content(path)


def without_last(state):
    """The rows when the log that is chosen next lacks its last record altogether."""
    chance.setstate(state)
    return opened_copy(lambda folder: kill(folder, 0))[0]


rows = opened_copy(lambda folder: (os.path.join(folder, "LOCK"), "nothing"))[0]
report = {"same": 0, "named": 0, "shorter": 0, "wrong": []}
for _ in range(trials):
    state = chance.getstate()
    found, done, path, left = opened_copy(garble if harm == "garble" else kill)
    if found == rows:
        report["same"] += 1
    elif harm == "garble" and isinstance(found, engine.Damaged) and os.path.basename(path) in str(found) and left:
        report["named"] += 1
    elif harm == "kill" and isinstance(found, str) and found == without_last(state):
        report["shorter"] += 1
    else:
        report["wrong"].append(f"{done}: {found if isinstance(found, str) else repr(found)}, left as it was: {left}")
print(json.dumps(report))
