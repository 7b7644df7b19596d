"""Makes the private Python environment in which the embedded Milvus Lite runs.

    python3 -I provision.py ROOT NAME --log FILE [--engine FOLDER] [--keep NAME] [--broken ID]

NAME is MACHINE_HASH. ROOT/NAME-TAG, with TAG such as cpython-311, is a virtual environment with what requirements.txt pins,
the one beside this file or in FOLDER, where the server's scripts are, too; `ready.json`
in it, written last, says that it is whole and holds its id. It is built beside its place and then renamed. A lock of
the operating system's lets one process build at a time; it ends with the process. --broken names an environment that
has turned out damaged: it is made again, unless that has been done. Environments of other versions of curate are removed,
but for that of the second NAME.

Prints one JSON object per line: {"step": "waiting" | "creating" | "installing" | "testing"},
{"step": "downloading", "package": P, "received": BYTES, "total": BYTES}, and as the last
{"ready": FOLDER, "bytes": N} or {"error": "network" | "hash" | "disk" | "platform" | "python" | "broken", "message": "..."}.
Needs nothing but the standard library of Python 3.10.
"""

import argparse
import errno
import json
import os
import platform
import re
import secrets
import shutil
import signal
import subprocess
import sys
import sysconfig
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PIP = os.path.join(HERE, "pip-26.3-py3-none-any.whl", "pip")
BUILDING = ".building"
# Lines of pip's that are kept for the verdict; a wrong hash lists the dozens that were expected.
TAIL = 500

# A person's settings for pip count (index, proxies, certificates, cache), except those that say what to install where.
NOT_OURS = {
    "PIP_BUILD_CONSTRAINT", "PIP_CONSTRAINT", "PIP_DRY_RUN", "PIP_EDITABLE", "PIP_GROUP", "PIP_PREFIX", "PIP_PYTHON",
    "PIP_REPORT", "PIP_REQUIREMENT", "PIP_ROOT", "PIP_TARGET", "PIP_USER",
}  # fmt: skip

# Imports all that the server will, and compiles it once for all starts; `pip --no-compile` leaves the rest alone.
TEST = """
import py_compile, sys
sys.path.insert(0, sys.argv[1])
import lite_server
lite_server.load_engine()
import lite_service
for module in list(sys.modules.values()):
    file = getattr(module, "__file__", None) or ""
    if file.startswith(sys.prefix) and file.endswith(".py"):
        py_compile.compile(file)
"""

# For which every package in requirements.txt comes ready-made; on Linux built for glibc 2.28, and for musl.
MACHINES = r"linux-(x86_64|aarch64)|macosx-.*-(x86_64|arm64|universal2)|win-amd64"
OLDEST_GLIBC = (2, 28)

FAULTS = [
    ("disk", r"No space left on device|Disk quota exceeded|\[Errno 28\]|\[WinError 112\]"),
    ("hash", r"DO NOT MATCH THE HASHES"),
    # pip says why it reached no index only in warnings of its own tries, and not in all cases.
    ("network", r"(?i)connection broken|ConnectionError|ProxyError|SSLError|timed? ?out|HTTP error|No matching distribution"),
]


class Failure(Exception):
    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("name")
    parser.add_argument("--log", required=True)
    parser.add_argument("--engine", default=HERE)
    parser.add_argument("--keep")
    parser.add_argument("--broken")
    arguments = parser.parse_args()
    # Both unwind the stack, which removes what is half made.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.umask(0o077)
    target = os.path.join(arguments.root, f"{arguments.name}-{sys.implementation.cache_tag}")
    try:
        check_machine()
        os.makedirs(arguments.root, exist_ok=True)
        lock = take_turn(os.path.join(arguments.root, "lock"))
        if ready_id(target) in (None, arguments.broken):
            build(target, arguments.engine, arguments.log)
            remove_others(arguments.root, target, arguments.keep)
        say(ready=target, bytes=size(target))
        os.close(lock)
    except Failure as failure:
        fail(failure.kind, str(failure))
    except OSError as error:
        fail("disk" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "broken", str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def say(**message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def fail(kind, message):
    say(error=kind, message=message)
    sys.exit(1)


def check_machine():
    machine, (libc, version) = sysconfig.get_platform(), platform.libc_ver()
    if not re.fullmatch(MACHINES, machine):
        raise Failure("platform", machine)
    if libc == "glibc" and tuple(int(part) for part in version.split(".")[:2]) < OLDEST_GLIBC:
        raise Failure("platform", f"{machine} with glibc {version}")


def take_turn(path):
    """Waits until no other process builds here; the lock lasts until the file is closed or the process ends."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    waiting = False
    while not try_lock(fd):
        if not waiting:
            say(step="waiting")
            waiting = True
        time.sleep(0.1)
    return fd


def try_lock(fd):
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise


def interpreter(folder):
    return os.path.join(folder, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))


def ready_id(folder):
    """The id of a whole environment, or None."""
    try:
        with open(os.path.join(folder, "ready.json"), encoding="utf-8") as stamp:
            return json.load(stamp)["id"] if os.path.exists(interpreter(folder)) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def build(target, engine, log_path):
    draft = target + BUILDING
    shutil.rmtree(draft, ignore_errors=True)
    try:
        with open(log_path, "w", encoding="utf-8") as log:
            create(draft)
            install(draft, engine, log)
            test(draft, engine, log)
        with open(os.path.join(draft, "ready.json"), "w", encoding="utf-8") as stamp:
            json.dump({"id": secrets.token_hex(8)}, stamp)
        shutil.rmtree(target, ignore_errors=True)
        os.rename(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def create(folder):
    say(step="creating")
    try:
        import venv
    except ImportError as error:
        raise Failure("python", f"{sys.executable} has no venv module") from error
    # Not through `python -m venv` with pip: Debian's Python can do that only once python3-venv is installed.
    venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt").create(folder)


def install(folder, engine, log):
    """Runs pip from the wheel that lies beside this file."""
    command = [interpreter(folder), "-I", "-u", PIP, "install", "--no-input", "--disable-pip-version-check"]
    command += ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-compile", "--progress-bar", "raw"]
    command += ["--no-warn-script-location", "--requirement", os.path.join(engine, "requirements.txt")]
    environment = {key: value for key, value in os.environ.items() if key.upper() not in NOT_OURS}
    say(step="installing")
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, encoding="utf-8", errors="replace",
    ) as pip:  # fmt: skip
        try:
            tail = follow(pip.stdout, log)
        except BaseException:
            pip.terminate()
            raise
    if pip.returncode:
        raise Failure(kind_of(tail), last_error(tail))


def follow(lines, log):
    """Turns pip's lines into ours and keeps the rest in the log; the last lines, for the verdict."""
    tail, package = [], None
    for line in lines:
        progress = re.match(r"Progress (\d+) of (\d+)", line)
        if progress:
            say(step="downloading", package=package, received=int(progress[1]), total=int(progress[2]))
            continue
        log.write(line)
        log.flush()
        tail = [*tail[-TAIL:], line]
        # "Downloading pyarrow-26.0.1-cp311-....whl (48.2 MB)", behind an address or not.
        download = re.match(r"\s*Downloading (?:\S*/)?([A-Za-z0-9_.]+?)-\d", line)
        package = download[1] if download else package
        if line.startswith("Installing collected packages"):
            say(step="installing")
    return tail


def kind_of(tail):
    text = "".join(tail)
    return next((kind for kind, pattern in FAULTS if re.search(pattern, text)), "broken")


def last_error(tail):
    errors = [line.removeprefix("ERROR: ").strip() for line in tail if line.startswith("ERROR: ")]
    return (errors or [line.strip() for line in tail if line.strip()] or ["pip failed without a word"])[-1]


def test(folder, engine, log):
    say(step="testing")
    command = [interpreter(folder), "-I", "-B", "-c", TEST, engine]
    outcome = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    log.write(outcome.stderr)
    if outcome.returncode:
        words = outcome.stderr.strip().splitlines()
        raise Failure("broken", words[-1] if words else f"the engine's test ended with {outcome.returncode}")


def remove_others(root, target, keep):
    """Environments of other versions of curate for this kind of machine, and what crashes left."""
    machine = os.path.basename(target).split("_")[0] + "_"
    for entry in os.scandir(root):
        kept = entry.path == target or (keep is not None and entry.name.startswith(keep))
        if entry.is_dir() and entry.name.startswith(machine) and (not kept or entry.name.endswith(BUILDING)):
            shutil.rmtree(entry.path, ignore_errors=True)


def size(folder):
    total = 0
    for base, _, names in os.walk(folder):
        total += sum(os.lstat(os.path.join(base, name)).st_size for name in names)
    return total


if __name__ == "__main__":
    main()
