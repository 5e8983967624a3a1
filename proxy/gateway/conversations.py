"""Calls that continue earlier ones (`previous_response_id`, item_reference): whose they are, and where they are kept."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from proxy.dialects.responses.answer import list_items
from proxy.dialects.responses.request import read_request
from proxy.domain.account import Account
from proxy.domain.bridged import BridgedDocument
from proxy.domain.call import Call, Pin
from proxy.domain.conversation import Conversation, KeptAnswer, ResponseName
from proxy.domain.json_text.document import Document
from proxy.domain.operations import RESPONSES
from proxy.domain.sealing import Sealer
from proxy.errors import BadRequestError, NotFoundError
from proxy.gateway.kept_answers import KeptAnswers


class Conversations:
    """One per application. Ids carry their owner: another's answer is one that is not there."""

    def __init__(self, sealer: Sealer, answers: KeptAnswers) -> None:
        self._sealer = sealer
        self._answers = answers

    def resume(self, call: Call) -> Call:
        """The call with what it refers to.

        An answer of the gateway's own keeping becomes items of the input; one that a provider keeps pins the call to its
        deployment. Raise BadRequestError (previous_response_not_found): never answer without what the client refers to.
        """
        assert call.native is not None
        native, fields = call.native, call.native.fields
        owner = owner_of(call.account)
        previous = fields.get("previous_response_id")
        stored = call.asked is RESPONSES and fields.get("store") is not False
        conversation = Conversation(self._sealer, owner, stored, previous, self._answers.keep)
        native = self._resolve(native, owner)
        pin = None
        if previous:
            name = conversation.read(previous)
            kept = self._answers.find(name) if name is not None and name.deployment is None else None
            if name is None or name.owner != owner or (kept is None and name.deployment is None):
                raise _previous_not_found(previous)
            native = _continue(native, name, kept)
            pin = None if name.deployment is None else Pin(name.deployment, name.model)
        if pin is not None:
            call = call._replace(options=replace(call.options, disable_fallbacks=True))
        document = BridgedDocument(partial(read_request, sealer=self._sealer), native)
        return call._replace(native=native, document=document, conversation=conversation, pin=pin)

    def find(self, identifier: str, owner: str) -> ResponseName:
        """Whose and where an answer is. Raise NotFoundError for an id that is not of this gateway and this owner."""
        name = Conversation(self._sealer).read(identifier)
        if name is None or name.owner != owner:
            raise _not_found(identifier)
        return name

    def conversation(self, owner: str) -> Conversation:
        """For ids of answers that are kept already."""
        return Conversation(self._sealer, owner, stored=True)

    def kept(self, name: ResponseName, identifier: str) -> KeptAnswer:
        """An answer of the gateway's own keeping."""
        found = self._answers.find(name)
        if found is None:
            raise _not_found(identifier)
        return found

    def delete(self, name: ResponseName, identifier: str) -> None:
        if not self._answers.delete(name):
            raise _not_found(identifier)

    def _resolve(self, native: Document, owner: str) -> Document:
        """The input with the items that it refers to, as far as the gateway keeps them."""
        items = native.fields.get("input")
        if not isinstance(items, list) or not any(_is_reference(item) for item in items):
            return native
        found = [self._answers.find_item(owner, item["id"]) if _is_reference(item) else None for item in items]
        resolved = [item if known is None else known for item, known in zip(items, found, strict=True)]
        return native.edit({"input": resolved})


def owner_of(account: Account | None) -> str:
    """Whose an answer is: the key's; empty for the master key, and where there are no keys."""
    return "" if account is None else account.key.id


def _continue(native: Document, name: ResponseName, kept: KeptAnswer | None) -> Document:
    if kept is None:
        return native.edit({"previous_response_id": name.key})
    items = [*kept.items, *kept.response["output"], *list_items(native.fields.get("input"))]
    return native.edit({"input": items}, ["previous_response_id"])


def _is_reference(item: Any) -> bool:
    return isinstance(item, Mapping) and item.get("type") == "item_reference" and isinstance(item.get("id"), str)


def _previous_not_found(identifier: str) -> BadRequestError:
    return BadRequestError(
        f"Previous response with id '{identifier}' not found.",
        param="previous_response_id",
        code="previous_response_not_found",
    )


def _not_found(identifier: str) -> NotFoundError:
    return NotFoundError(f"Response with id '{identifier}' not found.", error_type="invalid_request_error")
