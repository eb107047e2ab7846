# SPDX-License-Identifier: BSD-2-Clause
"""A program: makes the loopback interface of the network it is in serve. `ip link set lo up`, where there may be no ip."""
import fcntl
import socket
import struct

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    request = fcntl.ioctl(s, SIOCGIFFLAGS, struct.pack("16sh", b"lo", 0).ljust(40, b"\0"))
    fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh", b"lo", struct.unpack_from("h", request, 16)[0] | IFF_UP).ljust(40, b"\0"))
