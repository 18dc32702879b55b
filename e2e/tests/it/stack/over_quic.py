"""One request over HTTP/3, and nothing else to fall back to. Prints the status and the headers of the answer, a line each.

    over_quic.py ADDRESS HOST PATH AUTHORITY.pem
"""

import asyncio
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration


class Asking(QuicConnectionProtocol):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.http = H3Connection(self._quic)
        self.answer = asyncio.get_running_loop().create_future()

    def ask(self, host: str, path: str) -> None:
        head = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", host.encode()), (b":path", path.encode())]
        self.http.send_headers(self._quic.get_next_available_stream_id(), head, end_stream=True)
        self.transmit()

    def quic_event_received(self, event) -> None:
        for told in self.http.handle_event(event):
            if isinstance(told, HeadersReceived) and not self.answer.done():
                self.answer.set_result(told.headers)


async def main(address: str, host: str, path: str, authority: str) -> None:
    settings = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=host)
    settings.load_verify_locations(cafile=authority)
    async with connect(address, 443, configuration=settings, create_protocol=Asking) as asking:
        asking.ask(host, path)
        for name, value in await asyncio.wait_for(asking.answer, 10):
            print(f"{name.decode()}: {value.decode()}")


asyncio.run(main(*sys.argv[1:]))
