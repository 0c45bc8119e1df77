"""What of a message is not in its octets."""

from __future__ import annotations

from typing import Literal

import msgspec

from mailsac.message import Message

FolderName = Literal["inbox", "all", "spam", "trash", "sent", "drafts"]


class Marks(msgspec.Struct, frozen=True, rename="camel"):
    """What was changed after a message arrived: it is in the row alone. Named as in the message object of the API."""

    saved_by: str | None = None
    labels: tuple[str, ...] = ()
    read: bool | None = None
    folder: FolderName = "inbox"

    @classmethod
    def of(cls, message: Message) -> Marks:
        """Those of a message."""
        return msgspec.convert(message, cls, from_attributes=True)

    def on(self, message: Message) -> Message:
        """The message with these marks."""
        return msgspec.structs.replace(message, **msgspec.structs.asdict(self))
