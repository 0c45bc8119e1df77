"""The operations of `administration`, done by a running server: for a command line whose data folder is in use."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from mailsac.administration import (
    AccountChanges,
    AccountView,
    DomainChanges,
    DomainView,
    KeyView,
    MadeKey,
    NewAccount,
    NewDomain,
    NewKey,
    NewPassword,
)

T = TypeVar("T")

TIMEOUT_S: Final = 30.0
MAX_ANSWER_OCTETS: Final = 64 * 1024 * 1024


class RemoteError(Exception):
    """The server refused, or cannot be reached; the text is one line for the person at the command line."""


class RemoteAdministration:
    """`/api/admin` of the server at `url`. Every method blocks, and raises RemoteError."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url.rstrip("/"), key

    def accounts(self) -> list[AccountView]:
        return self._call("GET", "accounts", None, list[AccountView])

    def create_account(self, new: NewAccount) -> AccountView:
        return self._call("POST", "accounts", new, AccountView)

    def change_account(self, account_id: str, changes: AccountChanges) -> AccountView:
        return self._call("PUT", f"accounts/{_quoted(account_id)}", changes, AccountView)

    def remove_account(self, account_id: str) -> None:
        self._call("DELETE", f"accounts/{_quoted(account_id)}", None, None)

    def keys(self, account_id: str) -> list[KeyView]:
        return self._call("GET", f"accounts/{_quoted(account_id)}/keys", None, list[KeyView])

    def create_key(self, account_id: str, new: NewKey) -> MadeKey:
        return self._call("POST", f"accounts/{_quoted(account_id)}/keys", new, MadeKey)

    def revoke_key(self, key_id: str) -> None:
        self._call("DELETE", f"keys/{_quoted(key_id)}", None, None)

    def domains(self) -> list[DomainView]:
        return self._call("GET", "domains", None, list[DomainView])

    def create_domain(self, new: NewDomain) -> DomainView:
        return self._call("POST", "domains", new, DomainView)

    def change_domain(self, name: str, changes: DomainChanges) -> DomainView:
        return self._call("PUT", f"domains/{_quoted(name)}", changes, DomainView)

    def remove_domain(self, name: str) -> None:
        self._call("DELETE", f"domains/{_quoted(name)}", None, None)

    def set_password(self, mailbox: str, new: NewPassword) -> None:
        self._call("PUT", f"addresses/{_quoted(mailbox)}/password", new, None)

    def remove_password(self, mailbox: str) -> None:
        self._call("DELETE", f"addresses/{_quoted(mailbox)}/password", None, None)

    def _call(self, method: str, path: str, body: msgspec.Struct | None, kind: type[T] | None) -> T:
        request = urllib.request.Request(  # noqa: S310 - the person at the command line names the server
            f"{self._url}/api/admin/{path}",
            method=method,
            data=None if body is None else msgspec.json.encode(body),
            headers={"Content-Type": "application/json", "Mailsac-Key": self._key},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
                answer = response.read(MAX_ANSWER_OCTETS)
                return msgspec.json.decode(answer, type=kind) if answer else None  # type: ignore[return-value]
        except urllib.error.HTTPError as error:
            raise RemoteError(_refusal(error)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise RemoteError(f"{self._url} does not answer: {error}") from error


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _refusal(error: urllib.error.HTTPError) -> str:
    try:
        said = msgspec.json.decode(error.read(65536))
        problems = said.get("validationErrors") or []
        return f"{said['message']} {'; '.join(problems)}".strip()
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return f"the server answered {error.code}"
