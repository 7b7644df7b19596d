"""One server per folder: the lock that its owner holds, and the file that says where it listens."""

import contextlib
import errno
import json
import os
import signal
import time

# How long a server may take to end by itself before it is killed, and to be gone then.
PATIENCE_SECONDS = 30
DYING_SECONDS = 5
# Far beyond the pid: a lock on Windows forbids others to read the bytes that it covers.
LOCK_OFFSET = 1 << 20


class FolderLock:
    """The operating system's lock on `server.lock`: it ends with the process, however that ends."""

    def __init__(self, folder):
        self._fd = os.open(os.path.join(folder, "server.lock"), os.O_RDWR | os.O_CREAT, 0o600)

    def take(self):
        """Whether the lock is ours now; if so, our pid stands in the file."""
        try:
            self._lock()
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                return False
            raise
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        os.write(self._fd, str(os.getpid()).encode())
        return True

    def holder(self):
        """The pid of the process that has the lock, or None in the instant before it is written."""
        os.lseek(self._fd, 0, os.SEEK_SET)
        text = os.read(self._fd, 32)
        return int(text) if text.isdigit() else None

    def _lock(self):
        if os.name == "nt":
            import msvcrt

            os.lseek(self._fd, LOCK_OFFSET, os.SEEK_SET)
            msvcrt.locking(self._fd, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


class State:
    """`server.json`: where the server listens. Only the holder of the lock may change it."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "server.json")
        self._address = None

    def publish(self, **values):
        """Replaces the file in one step, so that nobody reads half of it."""
        self._address = values["address"]
        draft = self.path + ".new"
        with open(draft, "w", encoding="utf-8") as file:
            json.dump(values, file)
        os.replace(draft, self.path)

    def withdraw(self):
        """Takes back the file and, if it names one, the socket; also those that a killed server left."""
        address = self._address or self._left_behind()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        if address.startswith("unix:"):
            socket = address.removeprefix("unix:")
            with contextlib.suppress(OSError):
                os.unlink(socket)
                os.rmdir(os.path.dirname(socket))

    def _left_behind(self):
        try:
            with open(self.path, encoding="utf-8") as file:
                return json.load(file)["address"]
        except (OSError, ValueError, KeyError, TypeError):
            return ""


def end_server(folder):
    """Ends the server that has the folder and waits until it is gone; whether there was one.

    It is asked first and killed after PATIENCE_SECONDS, which loses nothing that it confirmed. The pid comes from
    the lock while that is held, so no other process is ever signalled.
    """
    if not os.path.exists(os.path.join(folder, "server.lock")):
        return False
    lock = FolderLock(folder)
    kill_at = time.monotonic() + PATIENCE_SECONDS
    asked = None
    while not lock.take():
        pid = lock.holder()
        if time.monotonic() > kill_at + DYING_SECONDS:
            raise OSError(errno.EBUSY, f"the server, process {pid}, does not end")
        if pid is not None and time.monotonic() > kill_at:
            send(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        elif pid is not None and pid != asked:
            send(pid, signal.SIGTERM)
            asked = pid
        time.sleep(0.02)
    State(folder).withdraw()
    return asked is not None


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
