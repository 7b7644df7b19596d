"""The engine's write-ahead log: on the disk and sealed before a write is acknowledged, and checked when it is read."""

import os
import threading
import zlib
from contextlib import contextmanager

import pyarrow as pa
from lite_damage import Damaged
from lite_seals import SEALS, latest_seal
from milvus_lite.storage.wal import WAL

# Set when a write failed half way. What is in memory can then no longer be trusted, and flushing it would delete the
# log that can restore it: the process must end without closing the database, and the next one recovers from the log.
write_failed = threading.Event()


def sync(path):
    """Waits until a file or a folder's list of names is on the disk; folders cannot be synced on Windows."""
    if os.name == "nt" and os.path.isdir(path):
        return
    fd = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class SyncedLog(WAL):
    """Writes logs; the engine must open them as a SealedFile."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, sync_mode="batch", **kwargs)

    def write_insert(self, record_batch):
        with failure_noted():
            super().write_insert(record_batch)
            self._confirm(self._data_sink)

    def write_delete(self, record_batch):
        with failure_noted():
            super().write_delete(record_batch)
            self._confirm(self._delta_sink)

    def close_and_delete(self):
        logs = [path for path in (self.data_path, self.delta_path) if path]
        super().close_and_delete()
        for log in logs:
            os.remove(log + SEALS)

    def _confirm(self, sink):
        if not sink.sealed:
            sync(self.wal_dir)
        sink.seal()


@contextmanager
def failure_noted():
    try:
        yield
    except BaseException:
        # A batch cut short hides every later one from recovery.
        write_failed.set()
        raise


def read_log(path):
    """The batches in a log: all that were confirmed, and those behind them that are whole, of which a killed process
    leaves one at the most. Without seals only the last batch may be missing its end."""
    try:
        with open(path, "rb") as file:
            written = file.read()
        sealed, checksum = latest_seal(path) or (None, None)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Damaged(path, error) from error
    if sealed is not None:
        if len(written) < sealed:
            raise Damaged(path, "cut short")
        if zlib.crc32(memoryview(written)[:sealed]) != checksum:
            raise Damaged(path, "its checksum is wrong")
    source = pa.BufferReader(written)
    batches, whole = [], 0
    try:
        reader = pa.ipc.open_stream(source)
        whole = source.tell()
        for batch in reader:
            batch.validate(full=True)
            batches.append(batch)
            whole = source.tell()
    except (OSError, pa.ArrowException) as error:
        if sealed is None and not is_cut_short(written[whole:]):
            raise Damaged(path, error) from error
    return batches


def is_cut_short(message):
    """Whether bytes are the beginning of a message of an Arrow stream (continuation mark, length, header, body) or the
    zeros that a file system appends before the bytes arrive, rather than something else."""
    mark, length = message[:4], message[4:8]
    if not message.strip(b"\0"):
        return True
    if mark != b"\xff\xff\xff\xff"[: len(mark)]:
        return False
    if len(length) < 4 or len(message) < 8 + int.from_bytes(length, "little"):
        return True
    try:
        pa.ipc.read_message(pa.BufferReader(message))
    except (OSError, pa.ArrowException) as error:
        return "Expected to be able to read" in str(error)
    return False
