# SPDX-License-Identifier: BSD-2-Clause
"""Ports to serve at. Nothing but Python's own library is needed, as the benches use it too."""
import random
import socket

# Below those that the kernel gives to whoever connects: nobody takes one between our look and its use, or while a server is away.
PORTS = range(10000, 32768)


def free_port():
    """A port that nobody holds at any address of this machine, for UDP and TCP alike."""
    for _ in range(1000):
        port = random.SystemRandom().choice(PORTS)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            try:
                udp.bind(("0.0.0.0", port))
                tcp.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port
    raise OSError("no free port")
