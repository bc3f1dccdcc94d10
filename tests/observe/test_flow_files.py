"""`flows.bin`: what is read back of it, whole or cut off."""

import struct

import pytest

from faultbox.model.flow import Flow
from faultbox.observe import flows
from faultbox.observe.flows import NotFlows, header, text_of

RECORD = struct.Struct("<HBBHHIIQQIIII")
ADDRESSES = struct.Struct("<HHHxx16s16s")
LANES = {0: "api", 7: "däta-base"}

SENT = RECORD.pack(48, 2, 0, 7, 0, 12, 11, 2000, 1000, 99, 5, 0xFFFFFFFF, 0)
OPENED = RECORD.pack(88, 1, 1, 0, 0, 4, 3, 9, 8, 98, 0, 0, 97) + ADDRESSES.pack(
    2, 80, 81, bytes([127, 0, 0, 1]) + bytes(12), bytes([10, 1, 2, 3]) + bytes(12)
)
WROTE = RECORD.pack(48, 5, 0, 0, 2, 4, 3, 9, 8, 98, 6, 6, 0)
FORKED = RECORD.pack(48, 7, 0, 0, 0, 4, 3, 9, 8, 0, 0, 0, 77)

READ = [
    Flow(2000, 1000, "däta-base", 11, 12, "sent", 99, 5, 0xFFFFFFFF),
    Flow(9, 8, "api", 3, 4, "opened", 98, peer=97, local="127.0.0.1:80", remote="10.1.2.3:81", accepted=True),
    Flow(9, 8, "api", 3, 4, "wrote", 98, 6, 6, local="stderr"),
    Flow(9, 8, "api", 3, 4, "forked", child=77),
]


@pytest.fixture
def written(tmp_path):
    def write(*parts):
        path = tmp_path / "flows.bin"
        path.write_bytes(b"".join(parts))
        return path

    return write


def test_flows_are_read_as_they_were_written(written):
    assert list(flows(written(header(LANES), SENT, OPENED, WROTE, FORKED))) == READ


def test_a_file_that_was_cut_off_ends_with_its_last_whole_record(written):
    whole = header(LANES) + SENT + OPENED
    for length in range(len(header(LANES)), len(whole)):
        expected = READ[: 1 if length >= len(header(LANES)) + len(SENT) else 0]
        assert list(flows(written(whole[:length]))) == expected
    assert list(flows(written())) == []


def test_nothing_is_read_behind_a_record_that_can_not_be_one(written):
    for strange in (bytes(48), b"\x30\x00\x63" + SENT[3:], b"\x31\x00" + SENT[2:]):
        assert list(flows(written(header(LANES), SENT, strange, SENT))) == READ[:1]


def test_more_records_than_are_read_at_once(written):
    some = (SENT + OPENED) * 20_000
    assert sum(1 for _ in flows(written(header(LANES), some))) == 40_000


@pytest.mark.parametrize("start", [b"FBFLOWS9" + bytes(40), b"FBFL", b"\x7fELF" + bytes(40), header(LANES)[:20]])
def test_other_files_are_refused(written, start):
    with pytest.raises(NotFlows, match=r"flows\.bin"):
        list(flows(written(start)))


def test_addresses_in_words():
    assert text_of(2, bytes([127, 0, 0, 1]) + bytes(12), 80) == "127.0.0.1:80"
    assert text_of(10, bytes(15) + b"\x01", 80) == "[::1]:80"
    assert text_of(0, bytes(16), 80) == ""
