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

    def __init__(self, folder, mode=os.O_RDWR | os.O_CREAT):
        self._path = os.path.join(folder, "server.lock")
        self._fd = os.open(self._path, mode, 0o600)

    def take(self):
        """Whether the lock is ours now."""
        try:
            self._lock()
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                return False
            raise
        return True

    def sign(self):
        """Puts our pid into the file, for others to name and to signal."""
        text = str(os.getpid()).encode()
        os.lseek(self._fd, 0, os.SEEK_SET)
        os.write(self._fd, text)
        os.ftruncate(self._fd, len(text))

    def stands(self):
        """Whether the file is still where it was, with our pid in it."""
        try:
            return os.path.samestat(os.fstat(self._fd), os.stat(self._path)) and self.holder() == os.getpid()
        except OSError:
            return False

    def holder(self):
        """The pid of the process that has the lock; None before it is written, and when the file is damaged."""
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
    """`server.json`: where the server listens. Only the holder of the lock may change it.

    While there is none, its draft stays, and is written over: a full disk has no room for a new file, but photos can be
    searched all the same.
    """

    def __init__(self, folder):
        self.path = os.path.join(folder, "server.json")
        self._draft = self.path + ".new"
        self._address = None
        self._text = None

    def publish(self, **values):
        """Replaces the file in one step, so that nobody reads half of it."""
        self._address, self._text = values["address"], json.dumps(values)
        with open(self._draft, "r+" if os.path.exists(self._draft) else "w", encoding="utf-8") as file:
            file.write(self._text)
            file.truncate()
        os.replace(self._draft, self.path)

    def stands(self):
        """Whether the file still says what we published."""
        try:
            with open(self.path, encoding="utf-8") as file:
                return file.read() == self._text
        except (OSError, ValueError):
            return False

    def withdraw(self):
        """Takes back the file and, if it names one, the socket; also those that a killed server left."""
        address = self._address or self._left_behind()
        # What cannot be removed names a server that does not answer: it is replaced by the next one.
        with contextlib.suppress(OSError):
            os.replace(self.path, self._draft)
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
    try:
        lock = FolderLock(folder)
    except OSError:
        # A folder that has become read-only is no obstacle: to be locked, the file need not be written.
        lock = FolderLock(folder, os.O_RDONLY)
    kill_at = time.monotonic() + PATIENCE_SECONDS
    asked, found = None, False
    while not lock.take():
        found = True
        pid = lock.holder()
        if time.monotonic() > kill_at + DYING_SECONDS:
            raise OSError(errno.EBUSY, f"the server, process {pid or 'unknown'}, does not end")
        if pid is not None and time.monotonic() > kill_at:
            send(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        elif pid is not None and pid != asked:
            send(pid, signal.SIGTERM)
            asked = pid
        time.sleep(0.02)
    with contextlib.suppress(OSError):
        lock.sign()
    State(folder).withdraw()
    return found


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
