"""The peer of `bench.smtp`: aiosmtpd as it comes, on asyncio's own loop, with a handler that does nothing.

One thing is set: the host name, since aiosmtpd would otherwise ask the DNS for it on every connection.
"""

from __future__ import annotations

import asyncio

from aiosmtpd.smtp import SMTP


async def main() -> None:
    """Serve until killed; the one line on stdout names the port."""
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(object(), hostname="stock"), "127.0.0.1", 0)
    print(f"stock ready smtp=127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
