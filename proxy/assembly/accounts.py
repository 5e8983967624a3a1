"""The accounts of the configuration, and where those that are made at run time are kept."""

from proxy.gateway.account_directory import AccountDirectory
from proxy.settings import Settings


def build_directory(settings: Settings) -> AccountDirectory:
    return AccountDirectory(settings.declared.accounts(redact=settings.litellm.redact_user_api_key_info))
