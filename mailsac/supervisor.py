"""Telling systemd how the server does (sd_notify(3)): it is up when its listeners are, and not a moment before."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress


def notify(state: str, environ: Mapping[str, str]) -> None:
    """Send a line such as READY=1 to whoever started the process, where that wants to know. Never raises.

    A name that begins with "@" is in the abstract namespace of Linux.
    """
    name = environ.get("NOTIFY_SOCKET", "")
    if name[:1] not in ("/", "@"):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.settimeout(1)
        datagrams.sendto(state.encode(), "\0" + name[1:] if name.startswith("@") else name)
