"""Serves one folder of Milvus Lite to its owner, and to nobody else on the machine.

    python -I lite_server.py serve FOLDER --version V [--socket PATH]... [--idle SECONDS]
    python -I lite_server.py stop FOLDER

FOLDER holds `db/` (the engine's files), `server.lock` (locked for as long as a server lives, its pid inside) and
`server.json` (pid, address, token and version of the server that listens; readable by its owner alone).

`serve` prints one line of JSON and stays. It listens on the first PATH whose folder it can have for itself, as a Unix
socket, or on loopback where there is none; the token is needed on both.
    {"ready": true, "milliseconds": N}
    {"error": "locked", "pid": N}           another server has the folder: it listens, is about to, or is about to end
    {"error": "foreign" | "damaged" | "engine" | "runtime" | "disk" | "io", "message": "..."}
`stop` ends the server that has the folder, waits until it is gone, and prints {"stopped": true | false}.
What goes to the standard error is the log; the caller names its file.
"""

import argparse
import contextlib
import ctypes
import errno
import gc
import importlib.util
import json
import logging
import os
import secrets
import signal
import stat
import sys
import threading
import time
import types

START = time.monotonic()
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # python -I leaves it out

from lite_folder import FolderLock, State, end_server  # noqa: E402

# Rows that are kept in memory before they become a data file; the engine reads it when it is imported. With its own
# 128 MiB it peaks at 1.9 GB while 30,000 photos are added, with this at 1.2 GB, in the same time.
os.environ.setdefault("MILVUS_LITE_MEMTABLE_MEMORY_LIMIT_BYTES", str(64 << 20))

# For so many ticks (a power of two) OpenBLAS' threads wait for more work without sleeping, at a whole core's cost, which
# is a tenth of a second unless it is told otherwise; numpy reads it when it is imported.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "18")

LOG_LIMIT = 1 << 20
LOG_KEPT = 64 << 10
# How long a new server waits for its first call at least, and an ending one for calls under way.
GRACE_SECONDS = 60
DRAIN_SECONDS = 5
GONE = "the folder is gone or another's, or its files are damaged"
# After so long without a call, recent rows become a data file and freed memory is given back.
QUIET_SECONDS = 5


def main():
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(dest="verb", required=True)
    serving = verbs.add_parser("serve")
    serving.add_argument("folder")
    serving.add_argument("--version", required=True)
    serving.add_argument("--socket", action="append", default=[])
    serving.add_argument("--idle", type=float, default=600)
    verbs.add_parser("stop").add_argument("folder")
    arguments = parser.parse_args()
    os.umask(0o077)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        if arguments.verb == "stop":
            say({"stopped": end_server(arguments.folder)})
        else:
            start(arguments)
    except OSError as error:
        refuse("disk" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "io", error)


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def refuse(kind, message):
    logging.error("%s: %s", kind, message)
    say({"error": kind, "message": str(message)})
    sys.exit(1)


def start(arguments):
    """Takes the folder, opens it and serves it; does not return."""
    import lite_corrections

    os.makedirs(arguments.folder, exist_ok=True)
    lock = FolderLock(arguments.folder)
    if not lock.take():
        say({"error": "locked", "pid": lock.holder()})
        sys.exit(3)
    lock.sign()
    state = State(arguments.folder)
    state.withdraw()
    # Nothing that is imported or opened becomes garbage: to look for some takes 30 ms.
    gc.disable()
    try:
        engine = load_engine()
    except lite_corrections.Changed as error:
        refuse("engine", error)
    except Exception as error:  # an environment that lost or damaged files fails in any way
        refuse_runtime(error)
    database = open_database(engine, os.path.join(arguments.folder, "db"))
    # Reading the data files and importing gRPC take as long as each other: side by side.
    threading.Thread(target=open_collections, args=(engine, database), daemon=True).start()
    try:
        import lite_service

        lite_service.amend()
    except Exception as error:
        refuse_runtime(error)
    end = end_on_signal()
    traffic, writing, token = lite_service.Traffic(), threading.Lock(), secrets.token_urlsafe(32)
    server = lite_service.make_server(database, lite_service.Gate(token, traffic, writing, end))
    listen(server, state, arguments, token)
    server.start()
    gc.enable()
    say({"ready": True, "milliseconds": round((time.monotonic() - START) * 1000)})
    # The caller reads one line and goes; nothing may block or break on its pipe afterwards.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    reason = keep_house(engine, database, lambda: lock.stands() and state.stands(), traffic, writing, end, arguments.idle)
    logging.info("ending: %s", reason)
    if reason == GONE:
        # As if killed: to close anything would write to another's files, or take away its socket.
        os._exit(1)
    # First of all, so that nobody new finds us; and while the lock is ours, since later the paths may be another's.
    state.withdraw()
    server.stop(DRAIN_SECONDS).wait()
    if not engine.write_failed.is_set():
        database.close()
    # Not by returning: what is left of threads is not waited for, and nothing is flushed behind a failed write.
    os._exit(0)


def refuse_runtime(error):
    logging.exception("the engine cannot be loaded")
    refuse("runtime", f"{type(error).__name__}: {error}")


def load_engine():
    """milvus-lite with our corrections, once it is known to be the one that they are for.

    Stand-ins spare what it imports and does not need: of pymilvus all but the generated messages, which would need pandas
    and requests; and, 55 ms of processor time together, a look for the version, which is known by now, the asynchronous
    half of gRPC, and the texts of help for Arrow's functions.
    """
    import lite_corrections

    lite_corrections.check()
    stand_in("pymilvus", __path__=list(importlib.util.find_spec("pymilvus").submodule_search_locations))
    stand_in("milvus_lite._version", get_version=lambda: lite_corrections.VERSION)
    stand_in("grpc.aio")
    stand_in("pyarrow.vendored.docscrape", NumpyDocString=lambda _: {"Parameters": []})
    import lite_engine

    lite_engine.amend()
    return lite_engine


def stand_in(name, **attributes):
    """Puts a module with nothing but these attributes in the place of one that is not imported yet."""
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(attributes)


def open_database(engine, folder):
    try:
        engine.inspect(folder)
        return engine.Database(folder)
    except engine.Damaged as error:
        refuse("damaged", error)
    except engine.Locked as error:
        refuse("foreign", error)


def open_collections(engine, database):
    """Ahead of the first search, which would wait for it."""
    for name, error in engine.open_all(database).items():
        logging.error("the collection %s cannot be opened", name, exc_info=error)
    give_back_memory(engine)


def listen(server, state, arguments, token):
    """Binds and publishes."""
    published = {"pid": os.getpid(), "token": token, "version": arguments.version}
    for socket in filter(has_private_folder, arguments.socket):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(socket)
        # Before it listens: whoever reaches the socket then finds the token that goes with it.
        state.publish(address="unix:" + socket, **published)
        try:
            server.add_insecure_port("unix:" + socket)
            return
        except RuntimeError as error:
            logging.warning("no Unix socket at %s: %s", socket, error)
    port = server.add_insecure_port("127.0.0.1:0")
    state.publish(address=f"127.0.0.1:{port}", **published)


def has_private_folder(socket):
    """Makes the socket's folder; whether it is one that only we can enter."""
    folder = os.path.dirname(socket)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        about = os.lstat(folder)
    except OSError as error:
        logging.warning("no folder for a socket at %s: %s", folder, error)
        return False
    private = stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o077
    if not private:
        logging.warning("%s belongs to somebody else or is open to others: not used", folder)
    return private


def end_on_signal():
    """An event that is set when somebody asks the server to end; a closed terminal does not."""
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return end


def keep_house(engine, database, stands, traffic, writing, end, idle):
    """Tidies up in quiet moments until there is a reason to end, which it returns."""
    tidy = False
    while not end.wait(min(1.0, idle / 4)) and not engine.write_failed.is_set():
        quiet = traffic.quiet_seconds()
        if not stands():
            return GONE
        if quiet > (idle if traffic.began else max(idle, GRACE_SECONDS)):
            return "idle"
        if quiet > QUIET_SECONDS and not tidy:
            tidy_up(engine, database, writing)
        tidy = quiet > QUIET_SECONDS
    return "a write failed; the log restores what was confirmed" if engine.write_failed.is_set() else "asked to"


def tidy_up(engine, database, writing):
    try:
        with writing:
            engine.flush(database)
        give_back_memory(engine)
        trim_log()
    except Exception:
        logging.exception("tidying up failed")


def give_back_memory(engine):
    engine.release_memory()
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # only glibc has it
            ctypes.CDLL(None).malloc_trim(0)


def trim_log():
    """Keeps the last lines when the log has grown; every line is appended, so truncating is safe."""
    log = sys.stderr.fileno()
    about = os.fstat(log)
    if not stat.S_ISREG(about.st_mode) or about.st_size < LOG_LIMIT:
        return
    os.lseek(log, -LOG_KEPT, os.SEEK_END)
    kept = os.read(log, LOG_KEPT)
    os.ftruncate(log, 0)
    os.write(log, kept)


if __name__ == "__main__":
    main()
