"""SQLSTATEs by the names of PostgreSQL's Appendix A, with the server's own words."""

from __future__ import annotations

import re
from typing import Final

CODES: Final = {
    "connection_exception": ("08000", "connection exception"),
    "connection_does_not_exist": ("08003", "connection does not exist"),
    "connection_failure": ("08006", "connection failure"),
    "protocol_violation": ("08P01", "protocol violation"),
    "feature_not_supported": ("0A000", "feature not supported"),
    "data_exception": ("22000", "data exception"),
    "string_data_right_truncation": ("22001", "value too long for type character varying"),
    "numeric_value_out_of_range": ("22003", "numeric value out of range"),
    "division_by_zero": ("22012", "division by zero"),
    "invalid_text_representation": ("22P02", "invalid input syntax"),
    "integrity_constraint_violation": ("23000", "integrity constraint violation"),
    "not_null_violation": ("23502", "null value violates not-null constraint"),
    "foreign_key_violation": ("23503", "insert or update violates foreign key constraint"),
    "unique_violation": ("23505", "duplicate key value violates unique constraint"),
    "check_violation": ("23514", "new row violates check constraint"),
    "exclusion_violation": ("23P01", "conflicting key value violates exclusion constraint"),
    "active_sql_transaction": ("25001", "there is already a transaction in progress"),
    "read_only_sql_transaction": ("25006", "cannot execute statement in a read-only transaction"),
    "in_failed_sql_transaction": (
        "25P02", "current transaction is aborted, commands ignored until end of transaction block",
    ),
    "idle_in_transaction_session_timeout": (
        "25P03", "terminating connection due to idle-in-transaction timeout",
    ),
    "invalid_authorization_specification": ("28000", "invalid authorization specification"),
    "invalid_password": ("28P01", "password authentication failed"),
    "invalid_sql_statement_name": ("26000", "prepared statement does not exist"),
    "invalid_catalog_name": ("3D000", "database does not exist"),
    "transaction_rollback": ("40000", "transaction rollback"),
    "serialization_failure": ("40001", "could not serialize access due to concurrent update"),
    "statement_completion_unknown": ("40003", "statement completion unknown"),
    "deadlock_detected": ("40P01", "deadlock detected"),
    "syntax_error": ("42601", "syntax error"),
    "insufficient_privilege": ("42501", "permission denied"),
    "undefined_column": ("42703", "column does not exist"),
    "undefined_table": ("42P01", "relation does not exist"),
    "duplicate_table": ("42P07", "relation already exists"),
    "insufficient_resources": ("53000", "insufficient resources"),
    "disk_full": ("53100", "could not extend file: No space left on device"),
    "out_of_memory": ("53200", "out of memory"),
    "too_many_connections": ("53300", "sorry, too many clients already"),
    "program_limit_exceeded": ("54000", "program limit exceeded"),
    "object_in_use": ("55006", "object is in use"),
    "lock_not_available": ("55P03", "canceling statement due to lock timeout"),
    "query_canceled": ("57014", "canceling statement due to statement timeout"),
    "admin_shutdown": ("57P01", "terminating connection due to administrator command"),
    "crash_shutdown": ("57P02", "terminating connection because of crash of another server process"),
    "cannot_connect_now": ("57P03", "the database system is starting up"),
    "idle_session_timeout": ("57P05", "terminating connection due to idle-session timeout"),
    "system_error": ("58000", "system error"),
    "io_error": ("58030", "could not read block: Input/output error"),
    "raise_exception": ("P0001", "raise_exception"),
    "internal_error": ("XX000", "injected fault"),
    "data_corrupted": ("XX001", "invalid page in block"),
    "index_corrupted": ("XX002", "index contains corrupted page"),
}  # fmt: skip

_CODE = re.compile(r"(?=.*[0-9])[0-9A-Z]{5}")


def known(code: str) -> bool:
    """Whether a rule may give it: a name of the table, or five digits and letters (every SQLSTATE has a digit)."""
    return code.lower() in CODES or _CODE.fullmatch(code.upper()) is not None
