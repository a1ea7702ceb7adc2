# SPDX-License-Identifier: Apache-2.0
"""Private loopback addresses, so that cases may run side by side: every case
owns 127.a.b.0/24, and a block of ports for IPv6, which has only ::1, and for
programs that bind 0.0.0.0 and so speak from 127.0.0.1.

The lock is a bound socket held for the case's life: the kernel gives it back
whatever becomes of us."""

import random
import re
import socket

LOCK_HOST, LOCK_PORT = 254, 9
POOL_HOST = 1
FIRST_HOST = {"FE": 10, "GW": 40, "UA": 70, "STRANGER": 100}
SIP_PORT = 5060
INTERNAL_PORT, GATEWAY_PORT, METRICS_PORT = 5070, 5068, 9442
IPV6_FIRST_PORT, IPV6_BLOCK, IPV6_BLOCKS = 10000, 200, 30
LOCAL_RTP_FIRST, LOCAL_RTP_BLOCK = 34000, 200


class Net:
    """The addresses of one case."""

    def __init__(self, is_ipv6):
        self.is_ipv6 = is_ipv6
        for _ in range(1000):
            self.a, self.b = random.randint(64, 250), random.randint(1, 250)
            self.block = (self.a * 251 + self.b) % IPV6_BLOCKS
            self.locks = self._lock()
            if self.locks:
                return
        raise OSError("no loopback network is free")

    def _lock(self):
        wanted = [(f"127.{self.a}.{self.b}.{LOCK_HOST}", LOCK_PORT)]
        wanted.append(("127.255.254.1", 1000 + self.block))
        held = []
        for address in wanted:
            lock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                lock.bind(address)
            except OSError:
                for other in held + [lock]:
                    other.close()
                return None
            held.append(lock)
        return held

    def close(self):
        for lock in self.locks:
            lock.close()

    def place(self, name):
        """(host, port) of a peer by its name: gw1, fe2, ua1, stranger1."""
        match = re.fullmatch(r"([A-Z]+?)(\d*)", name.upper())
        kind, number = match.group(1), int(match.group(2) or 1)
        if self.is_ipv6:
            return "::1", self._port(FIRST_HOST[kind] - 10 + number)
        return f"127.{self.a}.{self.b}.{FIRST_HOST[kind] + number}", SIP_PORT

    def _port(self, offset):
        return IPV6_FIRST_PORT + self.block * IPV6_BLOCK + offset

    def pool(self):
        """{name: (host, port)} of the pool's two listeners."""
        if self.is_ipv6:
            return {"INTERNAL": ("::1", self._port(150)),
                    "GATEWAY": ("::1", self._port(151))}
        host = f"127.{self.a}.{self.b}.{POOL_HOST}"
        return {"INTERNAL": (host, INTERNAL_PORT),
                "GATEWAY": (host, GATEWAY_PORT)}

    def metrics(self):
        """Two places for the observer."""
        if self.is_ipv6:
            return {"METRICS": ("::1", self._port(152)),
                    "OTHER_METRICS": ("::1", self._port(153))}
        host = f"127.{self.a}.{self.b}.{POOL_HOST}"
        return {"METRICS": (host, METRICS_PORT),
                "OTHER_METRICS": (host, METRICS_PORT + 1)}

    def local(self):
        """(host, port) and RTP ports of a program that binds 0.0.0.0."""
        first = LOCAL_RTP_FIRST + self.block * LOCAL_RTP_BLOCK
        return (("127.0.0.1", self._port(160)),
                f"{first}-{first + LOCAL_RTP_BLOCK - 2}")

    def media_ports(self):
        if self.is_ipv6:
            first = 16384 + self.block * 500
            return f"{first}-{first + 499}"
        return "16384-18383"

    def bpf(self):
        """The capture filter that sees this case and nothing else."""
        if self.is_ipv6:
            return (f"portrange {self._port(0)}-"
                    f"{self._port(IPV6_BLOCK - 1)}")
        return f"net 127.{self.a}.{self.b}.0/24"


def text(place):
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def uri_host(place):
    return f"[{place[0]}]" if ":" in place[0] else place[0]
