"""Records come back as they were packed; damage is said."""

import pickle

import pytest
from array_record.python.array_record_module import ArrayRecordWriter

from hueshift_jax.data import records
from hueshift_jax.data.records import Record, Shard
from hueshift_jax.errors import DataError

RECORDS = [Record(f"película {n}", (bytes([n]) * 40, b"")) for n in range(7)]


@pytest.fixture
def shard(tmp_path):
    writer = ArrayRecordWriter(str(tmp_path / "s.array_record"), "group_size:1")
    for record in RECORDS:
        writer.write(records.pack(record))
    writer.close()
    return tmp_path / "s.array_record"


@pytest.mark.parametrize("record", [Record("", (b"",)), Record("a/b.jpg", (b"x", b"", b"yz"))])
def test_round_trip(record):
    assert records.unpack(records.pack(record)) == record


def test_a_shard_is_read_at_random(shard):
    found = Shard(shard)
    assert len(found) == 7
    assert [found[n] for n in (5, 0, 6)] == [RECORDS[n] for n in (5, 0, 6)]
    assert pickle.loads(pickle.dumps(found))[3] == RECORDS[3]


@pytest.mark.parametrize("content", [b"", b"abc", b"\x02\0\0\0a", b"\x01\0\0\0a"])
def test_bytes_that_are_no_record(content):
    with pytest.raises(DataError, match="record"):
        records.unpack(content)


def test_files_that_are_no_shards(tmp_path):
    (tmp_path / "s.array_record").write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match=r"s\.array_record"):
        Shard(tmp_path / "s.array_record")
