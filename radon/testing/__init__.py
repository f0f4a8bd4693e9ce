"""For those who test: `Harness` for authors of guests; suites for authors of stores and backends."""

from radon.testing.harness import Harness, kind

__all__ = ["Harness", "kind"]
