"""What the tests of backends share."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("radon.testing.backends", "radon.testing.stores")
