"""Every recording, through its provider: the request that leaves, and the answer or error that the client gets."""

import pytest

from proxy.providers.registry import find_provider
from tests.providers.recordings import Recording, find_reader, load_recordings, replay


@pytest.mark.parametrize("recording", load_recordings(), ids=lambda recording: recording.name)
def test_facts_agree_both_ways_when_a_recording_is_replayed(recording: Recording) -> None:
    provider, reader = find_provider(recording.provider), find_reader(recording.provider)
    if provider is None or reader is None:
        pytest.skip(f"{recording.provider} has no {'provider' if provider is None else 'reader'} yet")
    assert replay(recording, provider, reader) == []
