"""The peer of `bench.flood`: aiosmtpd and aiohttp as they come, on one loop, as a small project would join them.

Each message is read by the standard library and kept in memory, the last thousand of them; HTTP says how many came.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from email import message_from_bytes, policy
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP


class Mailboxes:
    """A handler of aiosmtpd."""

    def __init__(self) -> None:
        self.counts = Counter[str]()
        self.kept: deque[tuple[str, str, str]] = deque(maxlen=1000)

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        message = message_from_bytes(envelope.content, policy=policy.default)
        body = message.get_body()
        self.kept.append((str(message["From"]), str(message["Subject"]), body.get_content() if body else ""))
        self.counts.update(envelope.rcpt_tos)
        return "250 OK"

    async def count(self, request: web.Request) -> web.Response:
        return web.json_response({"count": self.counts[request.match_info["address"]]})


async def main() -> None:
    """Serve until killed; the one line on stdout names the ports."""
    mailboxes = Mailboxes()
    smtp = await asyncio.get_running_loop().create_server(
        lambda: SMTP(mailboxes, hostname="stock"), "127.0.0.1", 0, backlog=512
    )
    application = web.Application()
    application.router.add_get("/api/addresses/{address}/message-count", mailboxes.count)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    http = web.TCPSite(runner, "127.0.0.1", 0)
    await http.start()
    ports = smtp.sockets[0].getsockname()[1], runner.addresses[0][1]
    print(f"stock ready smtp=127.0.0.1:{ports[0]} http=127.0.0.1:{ports[1]}", flush=True)
    await smtp.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
