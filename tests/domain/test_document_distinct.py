"""Members that stand twice, and edits that change nothing."""

import pytest

from proxy.domain.json_text.document import Document


@pytest.mark.parametrize(
    ("raw", "repeated"),
    [
        (b'{"model":"a","n":1}', None),
        (b'{"model":"a","n":1,"model":"b"}', "model"),
        (b'{"model":"a","mod\\u0065l":"b"}', "model"),
        (b'{"model":"say \\"model\\" twice","inner":{"model":1}}', None),
        (b'{"a/b":1,"a\\/b":2}', "a/b"),
        ('{"mödel":1,"mödel":2}'.encode(), "mödel"),
        (b'{"model":"' + b"x" * 5000 + b'","model":"b"}', "model"),
        (b"{}", None),
    ],
)
def test_a_repeated_member_is_found_however_it_is_spelled(raw: bytes, repeated: str | None):
    assert Document.parse(raw).repeated() == repeated


def test_nothing_changes_when_an_edit_says_what_is_there():
    document = Document.parse(b'{ "model": "a" }')
    assert document.edit({"model": "a"}, drop=("missing",)) is document


def test_one_is_not_taken_for_true():
    assert Document.parse(b'{"flag":1}').edit({"flag": True}).to_bytes() == b'{"flag":true}'
