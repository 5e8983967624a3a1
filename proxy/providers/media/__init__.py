"""Images and sound: every provider that serves them, by name, and how it is asked for each."""

from collections.abc import Mapping

from proxy.providers.contract import Form
from proxy.providers.media import bedrock, deepgram, elevenlabs, google, openai_like

_TABLES: tuple[Mapping[str, tuple[Form, ...]], ...] = (
    openai_like.FORMS,
    bedrock.FORMS,
    deepgram.FORMS,
    elevenlabs.FORMS,
    google.FORMS,
)

FORMS: Mapping[str, tuple[Form, ...]] = {
    name: tuple(form for table in _TABLES for form in table.get(name, ()))
    for name in dict.fromkeys(name for table in _TABLES for name in table)
}
