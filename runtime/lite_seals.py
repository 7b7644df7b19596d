"""Checksums (CRC-32) for what the engine writes without any.

 - A log has its seals beside it, `NAME.arrow.crc32`: after each record has reached the disk, how long the log is by then
   and the checksum of all of it. What the latest seal covers was confirmed; what stands behind it was not.
 - A manifest has the checksums of the data files that it names, and its own; a schema has its own.

The engine reads such files as ever, and ones that it wrote without checksums are read without.
"""

import io
import json
import os
import struct
import zlib

SEALS = ".crc32"
# The log's length, the checksum of that much of it, and that of these two numbers. A disk's sectors hold a whole
# number of seals, so that none is half written.
SEALED, SEAL = struct.Struct("<QL"), struct.Struct("<QLL")

OWN = "crc32"
OF_FILES = "crc32_of_files"

# Of the data files written or named in a manifest so far, by path.
checksums = {}


class SealedFile(io.BufferedWriter):
    """A log that is being written, and its seals."""

    def __init__(self, path, mode):
        # First, so that no log stands beside the seals of an earlier one of its name.
        self._seals = open(path + SEALS, mode, buffering=0)
        super().__init__(io.FileIO(path, mode))
        self._checksum = 0
        self.sealed = False

    def write(self, data):
        self._checksum = zlib.crc32(data, self._checksum)
        return super().write(data)

    def seal(self):
        """Confirms all that was written; it must be on the disk."""
        sealed = SEALED.pack(self.tell(), self._checksum)
        self._seals.write(sealed + zlib.crc32(sealed).to_bytes(4, "little"))
        os.fsync(self._seals.fileno())
        self.sealed = True

    def close(self):
        self._seals.close()
        super().close()


def latest_seal(log):
    """How many bytes of the log were confirmed, and their checksum; None when it has no seals."""
    try:
        with open(log + SEALS, "rb") as file:
            written = file.read()
    except FileNotFoundError:
        return None
    whole = written[: len(written) // SEAL.size * SEAL.size]
    for length, checksum, own in reversed(list(SEAL.iter_unpack(whole))):
        if zlib.crc32(SEALED.pack(length, checksum)) == own:
            return length, checksum
    return 0, 0


def dump(record, file, **options):
    """Writes a manifest or a schema, in place of `json.dump`."""
    folder, record = os.path.dirname(file.name), dict(record)
    if "partitions" in record:
        paths = data_files(folder, record)
        record[OF_FILES] = {name: checksums[path] for name, path in paths.items() if path in checksums}
    json.dump(record | {OWN: own_checksum(record)}, file, **options)


def own_checksum(record):
    rest = {key: value for key, value in record.items() if key != OWN}
    return zlib.crc32(json.dumps(rest, sort_keys=True).encode())


def data_files(folder, manifest):
    """The paths of the files that a manifest names, by partition and name in it."""
    return {
        f"{partition}/{name}": os.path.abspath(os.path.join(folder, "partitions", partition, name))
        for partition, files in manifest["partitions"].items()
        for name in files["data_files"] + files["delta_files"]
    }
