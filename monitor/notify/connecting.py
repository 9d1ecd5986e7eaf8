"""A TCP connection to where it may lead, for protocols other than HTTP."""

import asyncio
import socket

from monitor.notify.addresses import is_public
from monitor.notify.outgoing import PrivateAddress


async def connected_socket(host: str, port: int, *, allow_private: bool) -> socket.socket:
    """A socket connected to the first of a host's addresses that answers.

    The address that was checked is the one that is connected to, whatever the name stands for
    next.

    Raises:
        PrivateAddress: all its addresses are private, and those are not allowed.
        OSError: none answers, or there is no such host.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, address in found:
        if not (allow_private or is_public(str(address[0]))):
            failure = PrivateAddress("a private address")
            continue
        handle = socket.socket(family, kind, protocol)
        handle.settimeout(0)
        try:
            await loop.sock_connect(handle, address)
        except OSError as error:
            handle.close()
            failure = error
        except BaseException:
            handle.close()
            raise
        else:
            return handle
    raise failure
