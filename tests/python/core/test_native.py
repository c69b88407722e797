"""Memory that a native reader may take."""

import resource

import numpy as np
import pytest

from crexpress.core import native


def test_a_reader_is_refused_more_memory_than_its_file_can_need(monkeypatch: pytest.MonkeyPatch) -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with pytest.raises(MemoryError), native.in_memory(2**26):
        np.empty(2**30, np.uint8)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    monkeypatch.setattr(native, "_taken", lambda: None)  # as on macOS
    with native.in_memory(2**26):
        np.empty(2**30, np.uint8)
