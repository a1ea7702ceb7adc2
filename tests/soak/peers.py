# SPDX-License-Identifier: Apache-2.0
"""The peers of a soak that tests/support/peers.py does not have: the generator
with its books, and a baresip that holds its calls.

A Generator's books are read while it writes them: `calls` gets a Line for each
call that has ended, `wrong` those that are not good."""

import collections
import json
import signal

from support import net as net_of
from support import peers as peers_of

Line = collections.namedtuple("Line", "placed final ended kind wrong who text")


class Generator(peers_of.Peer):
    """`feN soakgen gateway=gwN transports=udp/tcp number=N`: caller and callee.
    `gwN soakgen gateway=feN …`: the same the other way round, inbound calls."""

    def __init__(self, run, name, program, words):
        super().__init__(run, name, words)
        self.transport = self.options["transports"].split("/")[1]
        self.gateway = run.net.place(self.options["gateway"])
        self.books, self.rest = None, ""
        self.calls, self.wrong = [], []
        self.total = None

    def command(self):
        front, gateway = self.options["transports"].split("/")
        listeners = ["INTERNAL", "GATEWAY"]
        if self.name.startswith("gw"):
            listeners.reverse()
        here, there = (net_of.text(self.run.places[name])
                       for name in listeners)
        values = self.run.case.values
        trace = (["-v", self.path(".trace")]
                 if values["LOG"] == "debug" else [])
        return [self.run.programs / "tests/soakgen", *trace,
                "-s", here, "-g", there,
                "-a", net_of.text(self.place),
                "-b", net_of.text(self.gateway),
                "-t", front, "-T", gateway, "-N", self.options["number"],
                "-n", values["GEN_CALLS"], "-r", values["GEN_RATE"],
                "-h", values["HOLD_MIN"], "-H", values["HOLD_MAX"],
                "-R", values["RING_MAX"], "-S", values["SEED"],
                "-o", self.path(".books")]

    def start(self):
        super().start()
        self.books = None

    def stop_placing(self):
        self.process.send_signal(signal.SIGINT)

    def read(self):
        """What was written since the last look."""
        if not self.books:
            if not self.path(".books").exists():
                return
            self.books = open(self.path(".books"))
        text = self.rest + self.books.read()
        *lines, self.rest = text.split("\n")
        for line in lines:
            self._take(json.loads(line), line)

    def _take(self, row, text):
        if "total" in row:
            self.total = row
            return
        line = Line(row["placed"], row["final"] or row["ended"], row["ended"],
                    row["kind"], row["wrong"], self.name, text)
        self.calls.append(line)
        if line.wrong:
            self.wrong.append(line)


class Holding(peers_of.Baresip):
    """`uaN holding transport=tcp COMMAND…`: a call until it is told to end.  Each
    has a port of its own, since two calls of one baresip share what they
    hear, and the next is taken for TLS."""

    def __init__(self, run, name, program, words):
        super().__init__(run, name, program, words)
        self.place, self.rtp = local(run.net, int(name[2:]))

    def command(self):
        home = self.path(".home")
        home.mkdir()
        own = {"LOCAL": net_of.text(self.place), "LOCAL_RTP": self.rtp,
               "FE_TRANSPORT": self.transport}
        for name in peers_of.BARESIP_FILES:
            text = peers_of.find(self.run.case, name).read_text()
            (home / name).write_text(self.run.fill(text, own))
        (home / "contacts").touch()
        commands = [w for word in self.words
                    if word.startswith("/") for w in ("-e", word)]
        return ["baresip", "-4", "-f", home, *commands]


def local(net, number):
    """(place, RTP ports) of the baresip uaN, N below 10."""
    (host, port), ports = net.local()
    first = int(ports.split("-")[0]) + 20 * number
    return (host, port + 4 * number), f"{first}-{first + 18}"


peers_of.KINDS.update(soakgen=Generator, holding=Holding)
