"""Reads a data file whose vectors lie in it as they are, as `lite_engine.write_table` leaves them.

Arrow takes such a column apart number by number, with two levels for each: four times the processor time, and memory for
the levels besides. A page of Parquet (format version 2, data page 1) is a header in Thrift's compact protocol, both levels
with the length before each, and the numbers; the levels of a column without gaps say nothing, and are passed over.
"""

import contextlib
import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DATA_PAGE, PLAIN = 0, 0
LENGTH = struct.Struct("<L")

# One a core: more would take each other's caches, and beyond four wait for the memory.
READERS = min(4, os.cpu_count() or 1)
# Tables that are being read before they are asked for, by path.
_ahead = {}


@contextlib.contextmanager
def reading_ahead(checksums):
    """Meanwhile the data files in `checksums`, by path, are read side by side: the engine asks for one after the other."""
    with ThreadPoolExecutor(READERS) as pool:
        try:
            _ahead.update((path, pool.submit(read_whole, path, checksum)) for path, checksum in checksums.items())
            yield
        finally:
            _ahead.clear()
            pool.shutdown(cancel_futures=True)


def read(path, checksum):
    """As `read_whole`, which has begun already where it was known that the file would be read."""
    ahead = _ahead.pop(path, None)
    return read_whole(path, checksum) if ahead is None else ahead.result()


def read_whole(path, checksum):
    """The table in the file, if that has the CRC-32 `checksum` and one column of vectors, laid out as above; else None:
    Arrow then reads it, or says what is wrong with it."""
    try:
        file = pq.ParquetFile(path, memory_map=True)
        schema = file.schema_arrow
        name, *more = [field.name for field in schema if pa.types.is_fixed_size_list(field.type)]
        if more or schema.field(name).type.value_type != pa.float32():
            return None
        with pa.memory_map(path) as mapped, memoryview(mapped.read_buffer()).cast("B") as whole:
            numbers, found = copy_numbers(whole, file.metadata, name, schema.field(name).type.list_size)
        if found != checksum:
            return None
        # Not by `pa.array`, which imports numpy's masked arrays to see whether this is one: 50 ms.
        values = pa.Array.from_buffers(pa.float32(), len(numbers), [None, pa.py_buffer(numbers)])
        vectors = pa.FixedSizeListArray.from_arrays(values, type=schema.field(name).type)
        others = file.read(columns=[other for other in schema.names if other != name])
        columns = [vectors if field.name == name else others.column(field.name) for field in schema]
        return pa.Table.from_arrays(columns, schema=schema)
    except (OSError, pa.ArrowException, ValueError, LookupError, struct.error):
        return None


def copy_numbers(whole, metadata, name, dim):
    """The column's numbers, float32 [rows * dim], and the checksum of the file: each part is read from memory once.
    @raises ValueError when it is laid out in another way."""
    expected = metadata.num_rows * dim
    demand(4 * expected <= len(whole))
    numbers = np.empty(expected, np.dtype("<f4"))
    into = numbers.view(np.uint8)
    checksum = at = filled = 0
    for start, end in chunks_of(metadata, name):
        demand(at <= start < end <= len(whole))
        page = start
        while page < end:
            values, page = values_of(whole, page)
            copied = into[filled : filled + values.stop - values.start]
            # Unlike memoryviews, arrays are copied while other threads run.
            np.copyto(copied, np.frombuffer(whole[values], np.uint8))
            checksum = zlib.crc32(copied, zlib.crc32(whole[at : values.start], checksum))
            at, filled = page, filled + len(copied)
        demand(page == end)
    demand(filled == len(into))
    return numbers, zlib.crc32(whole[at:], checksum)


def chunks_of(metadata, name):
    """Where the pages of the column start and end in each group of rows."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = [group.column(index) for index in range(group.num_columns)]
        (column,) = [one for one in columns if one.path_in_schema.split(".")[0] == name]
        demand(column.compression == "UNCOMPRESSED" and not column.has_dictionary_page)
        yield column.data_page_offset, column.data_page_offset + column.total_compressed_size


def values_of(whole, page):
    """The slice of a page's numbers, all of which are there, and where the page ends."""
    header, body = read_struct(whole, page)
    about, size = header[5], header[3]
    demand(header[1] == DATA_PAGE and about[2] == PLAIN)
    levels = body
    for _ in range(2):
        (length,) = LENGTH.unpack_from(whole, levels)
        levels += LENGTH.size + length
    end = body + size
    demand(levels + 4 * about[1] == end <= len(whole))
    return slice(levels, end), end


def read_struct(whole, at):
    """A struct of Thrift's compact protocol, by field, and where it ends; of what parquet.thrift has in page headers."""
    fields, field = {}, 0
    while (head := whole[at]) != 0:
        at += 1
        demand(head >> 4 > 0)
        field += head >> 4
        kind = head & 15
        if kind in (1, 2):
            fields[field] = kind == 1
        elif kind in (4, 5, 6):
            number, at = read_varint(whole, at)
            fields[field] = number >> 1 ^ -(number & 1)
        elif kind == 8:
            length, at = read_varint(whole, at)
            at += length
        else:
            demand(kind == 12)
            fields[field], at = read_struct(whole, at)
    return fields, at + 1


def read_varint(whole, at):
    number = shift = 0
    while (byte := whole[at]) > 0x7F:
        number |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
    return number | byte << shift, at + 1


def demand(condition):
    if not condition:
        raise ValueError("another layout")
