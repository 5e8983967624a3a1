"""What an exception of the wire means."""

import errno
import resource
import socket
from collections.abc import Iterator

import pytest
import urllib3

from proxy.errors import APIConnectionError, LocalResourceError, Timeout
from proxy.transport.failures import before_head, in_body


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_gateway_is_named_when_it_lacks_descriptors_or_buffers(number: int) -> None:
    wrapped = urllib3.exceptions.ProtocolError("Connection aborted.", OSError(number, "none left"))
    assert isinstance(before_head(wrapped, "a.test"), LocalResourceError)
    assert isinstance(in_body(wrapped, "a.test", streaming=True), LocalResourceError)


@pytest.fixture
def no_descriptors() -> Iterator[None]:
    """As many files are open as may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as probe:
        resource.setrlimit(resource.RLIMIT_NOFILE, (probe.fileno(), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("no_descriptors")
def test_gateway_is_named_when_a_name_is_unknown_for_lack_of_descriptors() -> None:
    assert isinstance(before_head(socket.gaierror(-3, "try again"), "a.test"), LocalResourceError)


def test_provider_is_named_when_its_name_is_unknown_or_it_refuses() -> None:
    assert type(before_head(socket.gaierror(-2, "unknown"), "a.test")) is APIConnectionError
    assert type(before_head(ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "a.test")) is APIConnectionError
    assert type(before_head(TimeoutError("slow"), "a.test")) is Timeout
