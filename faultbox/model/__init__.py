"""The words of Faultbox as frozen data. No I/O, no kernel, no Starlark.

Every other package imports this one and this one imports none of them.
Durations are milliseconds (`_ms`, float) in declarations and nanoseconds of
CLOCK_MONOTONIC (`_ns`, int) in records.
"""
