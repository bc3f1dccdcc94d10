"""What stands in a body: without its chunks, and without its compression."""

from __future__ import annotations

import zlib

from faultbox.model.message import Unknown
from faultbox.protocols.contract import HOLD_LIMIT

_TOO_LARGE = "its body is too large to be decompressed"
_NO_END = "its body can't be decompressed: it has no end"
_GZIP, _ZLIB, _BARE = 31, 15, -15
"""Of zlib's `wbits`: what a compressed stream begins with."""


def dechunked(body: bytes) -> bytes:
    """The content of a whole chunked body."""
    pieces: list[bytes] = []
    at = 0
    while True:
        end = body.index(b"\n", at)
        size = int(body[at:end].partition(b";")[0], 16)
        if not size:
            return b"".join(pieces)
        pieces.append(body[end + 1 : end + 1 + size])
        at = end + 3 + size


def decoded(data: bytes, coding: str) -> bytes:
    """What was compressed as a Content-Encoding says. Raises Unknown for what can't be read."""
    if coding in ("identity", ""):
        return data
    if coding in ("gzip", "x-gzip"):
        return _inflated(data, _GZIP)
    if coding == "deflate":  # of which some leave the frame away (RFC 9110, 8.4.1.2)
        return _inflated(data, _ZLIB if data[0] & 15 == zlib.DEFLATED else _BARE)
    if coding == "br":
        return _unpacked(data)
    raise Unknown(f"its body is compressed ({coding}), which is not read here; rewrite its caller's Accept-Encoding")


def _inflated(data: bytes, kind: int) -> bytes:
    """All members of a compressed body (RFC 1952, 2.2)."""
    found = b""
    while data:
        stream = zlib.decompressobj(wbits=kind)
        try:
            found += stream.decompress(data, HOLD_LIMIT - len(found) + 1)
        except zlib.error as error:
            raise Unknown(f"its body can't be decompressed: {error}") from None
        if len(found) > HOLD_LIMIT:
            raise Unknown(_TOO_LARGE)
        if not stream.eof:
            raise Unknown(_NO_END)
        data = stream.unused_data
    return found


def _unpacked(data: bytes) -> bytes:
    """Brotli (RFC 7932)."""
    import brotli

    stream = brotli.Decompressor()
    try:
        found: bytes = stream.process(data, output_buffer_limit=HOLD_LIMIT)
    except brotli.error:
        raise Unknown("its body can't be decompressed: it is not Brotli") from None
    if len(found) > HOLD_LIMIT or not (stream.is_finished() or stream.can_accept_more_data()):
        raise Unknown(_TOO_LARGE)
    if not stream.is_finished():
        raise Unknown(_NO_END)
    return found
