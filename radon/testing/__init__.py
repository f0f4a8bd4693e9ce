"""For those who test: `Harness` for guests, checkers for histories of whole systems, suites for stores and backends."""

from radon.testing.harness import Harness, kind
from radon.testing.history import Operation, Outcome, Recorder, Verdict
from radon.testing.linearizability import check_linearizable
from radon.testing.serializability import check_serializable
from radon.testing.sessions import check_sessions

__all__ = [
    "Harness", "kind", "Operation", "Outcome", "Recorder", "Verdict", "check_linearizable", "check_serializable",
    "check_sessions",
]  # fmt: skip
