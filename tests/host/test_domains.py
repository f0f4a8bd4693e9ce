"""Which domain a process uses."""

from __future__ import annotations

import pytest

from radon.abi.errors import RadonError
from radon.host import domains
from radon.host.domain import Settings
from radon.host.python_domain import PythonDomain


def unavailable() -> domains.Make:
    raise RadonError("it is not built here; make it")


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domains, "DOMAINS", {"python": lambda: PythonDomain, "broken": unavailable})


@pytest.mark.parametrize("value", ["python", ""])
def test_the_environment_chooses_the_domain(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(domains.VARIABLE, value)
    assert domains.default()(Settings()).digest == ""


def test_an_unknown_domain_is_one_line_that_names_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(domains.VARIABLE, "pyhton")
    with pytest.raises(RadonError, match=r"^unknown domain 'pyhton' \(RADON_DOMAIN\); known: native, python$"):
        domains.default()


@pytest.mark.usefixtures("two")
def test_a_domain_that_cannot_be_had_says_why_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert domains.available() == ["python"]
    monkeypatch.setenv(domains.VARIABLE, "broken")
    with pytest.raises(RadonError, match="not built here"):
        domains.default()
