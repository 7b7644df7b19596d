"""Makes runtime/requirements.txt: what the embedded Milvus Lite needs, pinned by version and sha256.

    python3 -m pip install uv && python3 scripts/lock_runtime.py

The whole dependency tree of ENGINE is resolved for every Python from OLDEST on, so that the pins fit together,
and then only NEEDED is kept: pandas, requests, faiss and the rest serve parts of pymilvus and milvus-lite that
runtime/lite_server.py never imports (they would add 200 MB). Every wheel's hash is listed, whatever its platform.

To take another version, change ENGINE and run this before anything in runtime/ is changed for it: indexes that name no
engine are read by what stands there now, which it keeps in runtime/engine-VERSION.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ENGINE = ["milvus-lite==3.2.2", "pymilvus==3.0.2"]
NEEDED = ["grpcio", "milvus-lite", "numpy", "protobuf", "pyarrow", "pymilvus", "tomli", "typing-extensions"]
OLDEST = "3.10"
UNNOTED = "milvus-lite==3.2.2"
"""The engine of curate 0.1.0, which noted none: UNNOTED in src/store/lite/engine.ts."""
HEADER = "# Made by scripts/lock_runtime.py; do not edit. Installed with --require-hashes --no-deps --only-binary :all:.\n"


def resolve() -> str:
    """The whole tree, one entry per package and environment marker, with hashes."""
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", OLDEST, "--only-binary", ":all:"]
    command += ["--generate-hashes", "--no-annotate", "--no-header", "-"]
    return subprocess.run(command, input="\n".join(ENGINE), stdout=subprocess.PIPE, text=True, check=True).stdout


def keep(resolved: str) -> str:
    """The entries of NEEDED; an entry is a line at the margin and the indented hashes under it."""
    entries = re.findall(r"^\S.*\n(?:[ \t].*\n)*", resolved, re.MULTILINE)
    kept = [entry for entry in entries if re.split("[=<> ]", entry, maxsplit=1)[0] in NEEDED]
    missing = set(NEEDED) - {entry.split("==")[0] for entry in kept}
    if missing:
        sys.exit(f"not in the resolved tree: {', '.join(sorted(missing))}")
    return "".join(kept)


def keep_unnoted(runtime: Path) -> None:
    """Once, when another engine takes its place; what is kept is never made again."""
    kept = runtime / f"engine-{UNNOTED.split('==')[1]}"
    if UNNOTED in ENGINE or kept.exists():
        return
    if f"\n{UNNOTED} " not in (runtime / "requirements.txt").read_text():
        sys.exit(f"{kept} is missing, and {runtime} is of another engine by now: bring it back from the history")
    kept.mkdir()
    for file in [*runtime.glob("lite_*.py"), runtime / "requirements.txt"]:
        shutil.copy(file, kept)


if __name__ == "__main__":
    runtime = Path(__file__).parent.parent / "runtime"
    resolved = HEADER + keep(resolve())
    keep_unnoted(runtime)
    (runtime / "requirements.txt").write_text(resolved)
