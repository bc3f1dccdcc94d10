"""Randomness that is a function of what is decided, not of when."""

from __future__ import annotations

import hashlib


def draw(seed: int, rule_id: str, service: str, identity: str, n: int) -> float:
    """A number in [0, 1) for the n-th call of one identity under one rule.

    Keyed hashing makes it independent of every other draw, hence of the order in which threads,
    processes and services happen to come.
    """
    key = seed.to_bytes(16, "little", signed=True)
    parts = (rule_id, service, identity, str(n))
    text = b"".join(len(part).to_bytes(4, "little") + part for part in map(_encoded, parts))
    digest = hashlib.blake2b(text, key=key, digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> 11) / (1 << 53)


def _encoded(part: str) -> bytes:
    return part.encode("utf-8", "surrogateescape")
