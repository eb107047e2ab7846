# SPDX-License-Identifier: BSD-2-Clause
"""Ports to serve at. Nothing but Python's own library is needed, as the benches use it too."""
import socket


def free_port():
    """A port of 127.0.0.1 that nobody holds, for UDP and TCP alike."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            udp.bind(("127.0.0.1", 0))
            try:
                tcp.bind(udp.getsockname())
            except OSError:
                continue
            return udp.getsockname()[1]
    raise OSError("no free port")
