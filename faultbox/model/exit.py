"""What the command line answers to whoever called it."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of `faultbox test` and `replay`. Where several hold: 1 before 3 before 4."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    ERRORED = 3
    INCONCLUSIVE = 4
    INTERRUPTED = 130
    TERMINATED = 143
