"""Ids and dice of processes that were forked from one another."""

import os
import uuid

from proxy.runtime import Runtime


def in_a_child(runtime: Runtime) -> str:
    """An id and a throw of the dice in a child of fork."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, f"{runtime.new_id()} {runtime.rng.random()}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        return answer.read()


def test_ids_are_random_uuids_and_differ() -> None:
    ids = [Runtime().new_id() for _ in range(100)]

    assert len(set(ids)) == 100
    assert {uuid.UUID(one).version for one in ids} == {4}


def test_children_of_one_process_throw_other_ids_and_other_dice() -> None:
    runtime = Runtime()

    first, second = in_a_child(runtime).split(), in_a_child(runtime).split()

    assert first[0] != second[0]
    assert first[1] != second[1]
    assert runtime.rng.random() != float(second[1])
