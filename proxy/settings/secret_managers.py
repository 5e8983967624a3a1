"""The secret managers by LiteLLM's names: HashiCorp Vault (KV v2), AWS, Google Cloud and Azure.

https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2,
https://cloud.google.com/secret-manager/docs/reference/rest, https://learn.microsoft.com/rest/api/keyvault/secrets.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from proxy.settings.secret_store import ManagerDownError, SecretError, SecretStore
from proxy.transport.secret_http import ManagerAnswer, ManagerUnreachableError, SecretManagerClient

_AZURE_VERSION = "7.4"


def open_manager(system: str, environ: Mapping[str, str]) -> SecretStore:
    """Raise SecretError for a manager that is unknown, not configured or not installed."""
    if system not in _MANAGERS:
        raise SecretError(f"the secret manager must be one of {', '.join(_MANAGERS)}")
    return _MANAGERS[system](environ)


class Vault:
    """`vault/mount/path#field`: the newest version of a secret of a KV v2 engine. The token is requested once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._address = _required(environ, "HCP_VAULT_ADDR").rstrip("/")
        certificate = environ.get("HCP_VAULT_CLIENT_CERT"), environ.get("HCP_VAULT_CLIENT_KEY")
        self._client = SecretManagerClient(
            environ.get("SSL_CERT_FILE") or True,
            (certificate[0], certificate[1]) if certificate[0] and certificate[1] else None,
        )
        self._token: str | None = environ.get("HCP_VAULT_TOKEN")

    def read(self, name: str) -> Mapping[str, Any]:
        mount, _, path = name.partition("/")
        if not path:
            raise SecretError("a secret of Vault is written vault/mount/path#field")
        answer = self._send("GET", f"{quote(mount)}/data/{quote(path)}")
        found = answer.content.get("data")
        fields = found.get("data") if isinstance(found, dict) else None
        if not isinstance(fields, dict):
            raise SecretError("the secret has no data")
        return fields

    def _send(self, method: str, path: str) -> ManagerAnswer:
        if self._token is None:
            self._token = self._log_in()
        headers = {**self._namespace(), "X-Vault-Token": self._token}
        return _send(self._client, "Vault", method, f"{self._address}/v1/{path}", headers)

    def _log_in(self) -> str:
        environ = self._environ
        if environ.get("HCP_VAULT_APPROLE_ROLE_ID"):
            mount = environ.get("HCP_VAULT_APPROLE_MOUNT_PATH", "approle")
            body = {
                "role_id": environ["HCP_VAULT_APPROLE_ROLE_ID"],
                "secret_id": _required(environ, "HCP_VAULT_APPROLE_SECRET_ID"),
            }
        elif environ.get("HCP_VAULT_CLIENT_CERT"):
            mount, body = "cert", {"name": environ.get("HCP_VAULT_CERT_ROLE", "")}
        else:
            raise SecretError("Vault needs HCP_VAULT_TOKEN, HCP_VAULT_APPROLE_ROLE_ID or HCP_VAULT_CLIENT_CERT")
        url = f"{self._address}/v1/auth/{quote(mount)}/login"
        auth = _send(self._client, "Vault", "POST", url, self._namespace(), body).content.get("auth")
        token = auth.get("client_token") if isinstance(auth, dict) else None
        if not isinstance(token, str):
            raise ManagerDownError("Vault gave no token")
        return token

    def _namespace(self) -> dict[str, str]:
        namespace = self._environ.get("HCP_VAULT_NAMESPACE")
        return {"X-Vault-Namespace": namespace} if namespace else {}


class Aws:
    """`aws-secret/name`, by botocore's own credential chain."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        try:
            from botocore.config import Config  # noqa: PLC0415  an extra
            from botocore.session import Session  # noqa: PLC0415
        except ModuleNotFoundError:
            raise SecretError("AWS's secrets need botocore: pip install 'patchbay[aws]'") from None
        config = Config(connect_timeout=5, read_timeout=5, retries={"max_attempts": 1})
        region = environ.get("AWS_REGION") or environ.get("AWS_REGION_NAME") or environ.get("AWS_DEFAULT_REGION")
        if not region:
            raise SecretError("AWS's secrets need AWS_REGION")
        self._client: Any = Session().create_client("secretsmanager", region_name=region, config=config)

    def read(self, name: str) -> str:
        try:
            found = self._client.get_secret_value(SecretId=name)
        except self._client.exceptions.ResourceNotFoundException:
            raise SecretError("there is no such secret") from None
        except Exception as error:  # noqa: BLE001  botocore's classes are made at run time
            raise ManagerDownError(f"AWS's secret manager can't be read: {type(error).__name__}") from None
        text = found.get("SecretString")
        if not isinstance(text, str):
            raise SecretError("the secret is no text")
        return text


class Google:
    """`gcp-secret/name` of GOOGLE_SECRET_MANAGER_PROJECT_ID, by the surroundings' own credentials."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        try:
            from google.auth import default  # noqa: PLC0415  an extra
            from google.auth.transport.requests import Request  # noqa: PLC0415
        except ModuleNotFoundError:
            raise SecretError("Google's secrets need google-auth: pip install 'patchbay[gcp]'") from None
        self._project = _required(environ, "GOOGLE_SECRET_MANAGER_PROJECT_ID")
        try:
            credentials: Any = default(scopes=["https://www.googleapis.com/auth/cloud-platform"])[0]
            credentials.refresh(Request())
        except Exception as error:  # noqa: BLE001  whatever the chain raises
            raise ManagerDownError(f"Google's credentials can't be had: {type(error).__name__}") from None
        self._token = str(credentials.token)
        self._client = SecretManagerClient(environ.get("SSL_CERT_FILE") or True)

    def read(self, name: str) -> str:
        url = f"https://secretmanager.googleapis.com/v1/projects/{quote(self._project)}/secrets/{quote(name, safe='')}"
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = _send(self._client, "Google's secret manager", "GET", f"{url}/versions/latest:access", headers)
        payload = answer.content.get("payload")
        data = payload.get("data") if isinstance(payload, dict) else None
        try:
            return base64.b64decode(str(data or ""), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise SecretError("the secret is no text") from None


class Azure:
    """`azure-secret/name` of AZURE_KEY_VAULT_URI, by azure-identity's default credential."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        try:
            from azure.identity import DefaultAzureCredential  # noqa: PLC0415  an extra
        except ModuleNotFoundError:
            raise SecretError("Azure's secrets need azure-identity: pip install 'patchbay[azure]'") from None
        self._vault = _required(environ, "AZURE_KEY_VAULT_URI").rstrip("/")
        try:
            self._token = DefaultAzureCredential().get_token("https://vault.azure.net/.default").token
        except Exception as error:  # noqa: BLE001  whatever the chain raises
            raise ManagerDownError(f"Azure's credentials can't be had: {type(error).__name__}") from None
        self._client = SecretManagerClient(environ.get("SSL_CERT_FILE") or True)

    def read(self, name: str) -> str:
        url = f"{self._vault}/secrets/{quote(name, safe='')}?api-version={_AZURE_VERSION}"
        headers = {"Authorization": f"Bearer {self._token}"}
        value = _send(self._client, "Azure's key vault", "GET", url, headers).content.get("value")
        if not isinstance(value, str):
            raise SecretError("the secret is no text")
        return value


_MANAGERS: Mapping[str, type[Vault] | type[Aws] | type[Google] | type[Azure]] = {
    "hashicorp_vault": Vault,
    "aws_secret_manager": Aws,
    "google_secret_manager": Google,
    "azure_key_vault": Azure,
}


def _send(
    client: SecretManagerClient,
    system: str,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Mapping[str, Any] | None = None,
) -> ManagerAnswer:
    """A good answer. Raise SecretError for a missing secret, ManagerDownError for the rest."""
    try:
        answer = client.send(method, url, headers, body)
    except ManagerUnreachableError as error:
        raise ManagerDownError(f"{system} can't be reached: {error}") from None
    if answer.status == 404:
        raise SecretError("there is no such secret")
    if answer.status != 200:
        raise ManagerDownError(f"{system} refuses this gateway: {answer.status}")
    return answer


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    if not value:
        raise SecretError(f"the environment variable {name} is not set")
    return value
