"""The seed of each case."""

from __future__ import annotations

import hashlib


def case_seed(seed: int, case_id: str, run: int) -> int:
    """63 bits that depend on the run's seed, the case and its run number, and on nothing else.

    So a case draws the same whether it runs alone, in another order, or beside new cases.
    """
    key = hashlib.blake2b(str(seed).encode(), digest_size=32).digest()
    digest = hashlib.blake2b(f"{case_id}\0{run}".encode(), key=key, digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
