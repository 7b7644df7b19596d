"""Makes runtime/requirements.txt: what the embedded Milvus Lite needs, pinned by version and sha256.

    python3 -m pip install uv && python3 scripts/lock_runtime.py

The whole dependency tree of ENGINE is resolved for every Python from OLDEST on, so that the pins fit together,
and then only NEEDED is kept: pandas, requests, faiss and the rest serve parts of pymilvus and milvus-lite that
runtime/lite_server.py never imports (they would add 200 MB). Every wheel's hash is listed, whatever its platform.
"""

import re
import subprocess
import sys
from pathlib import Path

ENGINE = ["milvus-lite==3.2.2", "pymilvus==3.0.2"]
NEEDED = ["grpcio", "milvus-lite", "numpy", "protobuf", "pyarrow", "pymilvus", "tomli", "typing-extensions"]
OLDEST = "3.10"
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


if __name__ == "__main__":
    target = Path(__file__).parent.parent / "runtime" / "requirements.txt"
    target.write_text(HEADER + keep(resolve()))
