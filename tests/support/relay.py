# SPDX-License-Identifier: Apache-2.0
"""A UDP wire that loses chosen datagrams: relay.py OWN BEHIND POOL PATTERN…

Stands at OWN between the pool and a peer BEHIND it, puts its own address for
the peer's into heads (bodies stay, so Content-Length holds), and drops the
first datagram that each PATTERN fits, in either direction.  A pattern sees the
start line and CSeq.  Started by tests/integration/run; says "lost N" for
each."""

import re
import socket
import sys


def place(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def in_head(data, old, new):
    head, blank, body = data.partition(b"\r\n\r\n")
    return head.replace(old.encode(), new.encode()) + blank + body


def main():
    own, behind, pool, *patterns = sys.argv[1:]
    waiting = [re.compile(p.encode(), re.DOTALL) for p in patterns]
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.bind(place(own))
    n_lost = 0
    while True:
        data, source = wire.recvfrom(65535)
        fits = next((p for p in waiting if p.search(head_of(data))), None)
        if fits:
            waiting.remove(fits)
            n_lost += 1
            print(f"lost {n_lost}: {data.splitlines()[0].decode()}",
                  flush=True)
        elif source == place(behind):
            wire.sendto(in_head(data, behind, own), place(pool))
        else:
            wire.sendto(data, place(behind))


def head_of(data):
    """Start line and CSeq, so that one pattern can name a 200 of a BYE."""
    cseq = re.search(rb"\r\nCSeq:[^\r]*", data, re.IGNORECASE)
    return data.partition(b"\r\n")[0] + (cseq.group() if cseq else b"")


if __name__ == "__main__":
    main()
