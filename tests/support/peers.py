# SPDX-License-Identifier: Apache-2.0
"""The peers of a case: SIPp (one XML each), mspool-gwsim, a lossy relay,
Kamailio, baresip.
Each is one process with its own address, its own log files and an exit code.

`peer = NAME PROGRAM ARGUMENTS` makes one.  A PROGRAM ending in .xml is SIPp:
`uas…` answers until it is told to end, everything else places calls and ends by
itself.  Arguments of SIPp are key=value: calls, rate, talk (ms), to, from,
server (its number where addressing = per-server), and any other for an @KEY@ in the XML, which is a template like pool.ini; `later`
leaves the start to a step."""

import csv
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import time

from support import net as net_of

HERE = pathlib.Path(__file__).resolve().parent
SHARED = HERE.parent / "peers"
FIRST_MEDIA_PORT = 30000
FIRST_MEDIA_PORT6 = 40000
BARESIP_FILES = ("config", "accounts")
BARESIP_LIMIT_S = 6
XML_DEFAULTS = {"RING": "200", "CODE": "486", "WAIT": "300"}
SIPP_IDLE = 99  # ended in order, no call processed


def find(case, name):
    """A peer's file: the scenario's own, else the shared one."""
    own = case.scenario.folder / name
    return own if own.exists() else SHARED / name


class Peer:
    """A process; subclasses say how it is started and when it was good."""

    def __init__(self, run, name, words):
        self.run, self.name, self.words = run, name, words
        self.is_later = "later" in words
        self.is_server = False
        self.is_killed = False  # by a step: its exit code says nothing
        self.process = None
        self.options = dict(w.split("=", 1) for w in words if "=" in w)
        self.place = run.net.place(name)
        self.is_front = name.startswith("fe")
        case = run.case
        self.transport = self.options.get("transport") or (
            case.front_transport if self.is_front else case.gateway_transport)

    def path(self, suffix):
        return self.run.folder / f"{self.name}{suffix}"

    def start(self):
        with open(self.path(".out"), "ab") as out:
            self.process = subprocess.Popen(
                [str(word) for word in self.command()],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd=self.run.folder, env={**os.environ, "TERM": "dumb"})

    def wait(self, timeout):
        try:
            return self.process.wait(max(timeout, 0.1))
        except subprocess.TimeoutExpired:
            return None

    def end(self, timeout=5):
        """Ends a server in order; its exit code, or None if it was hard."""
        if not self.process:
            return None
        if self.process.poll() is None:
            self.process.send_signal(self.end_signal())
        return self.wait(timeout)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def end_signal(self):
        return signal.SIGTERM

    def problem(self, code):
        """Why this exit code is not good, or None."""
        return None if code == 0 else f"{self.name} ended with {code}"

    def figures(self):
        return {}


class Sipp(Peer):
    def __init__(self, run, name, program, words):
        super().__init__(run, name, words)
        self.xml = find(run.case, program)
        self.is_server = program.startswith("uas")

    def command(self):
        host, port = self.place
        options = self.options
        filled = self.path(".xml")
        filled.write_text(self.run.fill(self.xml.read_text(), {
            **XML_DEFAULTS, **{k.upper(): v for k, v in options.items()}}))
        command = ["sipp", "-sf", filled, "-i", host, "-p", port,
                   "-t", "t1" if self.transport == "tcp" else "u1",
                   "-nostdin", "-skip_rlimit", "-aa",
                   "-mi", host, "-mp", self.media_port(),
                   "-cid_str", f"%u-%p-{self.name}@peer.test",
                   "-trace_err", "-error_file", self.path(".err"),
                   "-trace_msg", "-message_file", self.path(".msg"),
                   "-trace_stat", "-stf", self.path(".csv"),
                   "-timeout", self.run.case.scenario["timeout"],
                   "-timeout_error",
                   "-key", "number", options.get("to", "+4930123456"),
                   "-key", "caller", options.get("from", "+4989765432"),
                   "-key", "pool_host", net_of.uri_host(self.pool_place()),
                   "-key", "pool_port", self.pool_place()[1]]
        if "talk" in options:
            command += ["-d", options["talk"]]
        if not self.is_server:
            command += ["-m", options.get("calls", "1"),
                        "-r", options.get("rate", "10")]
        command.append(net_of.text(self.target()))
        return command

    def media_port(self):
        """IPv6 peers share one address, so each has a block of its own."""
        if not self.run.net.is_ipv6:
            return FIRST_MEDIA_PORT
        return FIRST_MEDIA_PORT6 + 4 * (self.place[1] - net_of.IPV6_FIRST_PORT)

    def target(self):
        """Where its datagrams go: the pool, or the relay before it."""
        if "via" in self.options:
            return self.run.net.place(self.options["via"])
        return self.pool_place()

    def pool_place(self):
        """The pool on the side of this peer, or of the relay before it."""
        name = self.options.get("via", self.name)
        host, port = self.run.places[
            "INTERNAL" if name.startswith("fe") else "GATEWAY"]
        return host, port + int(self.options.get("server", 1)) - 1

    def end_signal(self):
        return signal.SIGUSR1

    def problem(self, code):
        if code == 0 or (code == SIPP_IDLE and self.is_server):
            return None
        return f"sipp {self.name} ended with {code}"

    def figures(self):
        """The last line of SIPp's statistics, by short names."""
        try:
            with open(self.path(".csv"), newline="") as file:
                rows = list(csv.DictReader(file, delimiter=";"))
        except OSError:
            return {}
        if not rows:
            return {}
        last = rows[-1]
        figures = {key[:-3].lower(): int(value) for key, value in last.items()
                   if key and key.endswith("(C)") and value.isdigit()}
        # the XML's counter="1" counts INVITEs, "2" what the scenario wants
        figures["invites"] = figures.get("genericcounter1", 0)
        figures["counted"] = figures.get("genericcounter2", 0)
        return figures


class Gwsim(Peer):
    """mspool-gwsim with its own options; a caller when it has --call."""

    def __init__(self, run, name, program, words):
        super().__init__(run, name, words)
        self.is_server = "--call" not in words

    def command(self):
        words = [w for w in self.words
                 if w != "later" and ("=" not in w or w.startswith("sip:"))]
        where = f"{self.transport}:{net_of.text(self.place)}"
        return [self.run.programs / "tools/mspool-gwsim", "--name", self.name,
                "--listen", where, *words]


class Kamailio(Peer):
    """A front end: `kamailio FILE`, FILE a template like pool.ini."""

    def __init__(self, run, name, program, words):
        super().__init__(run, name, words)
        self.is_server = True

    def command(self):
        config = self.path(".cfg")
        config.write_text(self.run.fill(
            find(self.run.case, self.words[0]).read_text()))
        return ["kamailio", "-DD", "-E", "-x", "fm", "-X", "fm", "-m", "64",
                "-M", "8", "-f", config, "-Y", self.run.folder,
                "-A", "CHILDREN=1"]


class Baresip(Peer):
    """`baresip COMMAND…`: its files are the scenario's `config` and `accounts`,
    which are templates.  It binds RTP to 0.0.0.0, so its address is @LOCAL@."""

    def __init__(self, run, name, program, words):
        super().__init__(run, name, words)
        self.is_server = not words
        self.place = run.net.local()[0]

    def command(self):
        home = self.path(".home")
        home.mkdir()
        for name in BARESIP_FILES:
            (home / name).write_text(self.run.fill(
                find(self.run.case, name).read_text()))
        (home / "contacts").touch()
        commands = [w for word in self.words for w in ("-e", word)]
        # it has no way to end with the call
        limit = ["-t", BARESIP_LIMIT_S] if self.words else []
        return ["baresip", "-4", "-f", home, *limit, *commands]


class Relay(Peer):
    """`relay to=PEER lose=PATTERN…`: a lossy wire.  It stands at the address
    that the pool knows and drops the first datagram that each pattern fits;
    PEER's own address never reaches the pool."""

    def __init__(self, run, name, program, words):
        super().__init__(run, name, words)
        self.is_server = True

    def command(self):
        behind = self.run.net.place(self.options["to"])
        side = "INTERNAL" if self.is_front else "GATEWAY"
        return [sys.executable, HERE / "relay.py", net_of.text(self.place),
                net_of.text(behind), net_of.text(self.run.places[side]),
                self.options["lose"]]

    def problem(self, code):
        ended = -signal.SIGTERM
        return None if code == ended else f"{self.name} ended with {code}"


KINDS = {"gwsim": Gwsim, "relay": Relay, "kamailio": Kamailio,
         "baresip": Baresip}


def make(run, line):
    name, program, *words = shlex.split(line)
    return KINDS.get(program, Sipp)(run, name, program, words)


def wait_until_listening(peer, timeout=5):
    """Waits until a server has bound its port (seen in /proc/net)."""
    host, port = peer.place
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if peer.process.poll() is not None:
            return False
        if is_bound(peer.transport, host, port):
            return True
        time.sleep(0.01)
    return False


def is_bound(transport, host, port):
    six = "6" if ":" in host else ""
    if six:
        text = "00000000000000000000000001000000"
    else:
        text = "".join(f"{int(part):02X}" for part in
                       reversed(host.split(".")))
    wanted = f"{text}:{port:04X}"
    table = pathlib.Path(f"/proc/net/{transport}{six}").read_text()
    for line in table.splitlines()[1:]:
        words = line.split()
        if words[1] == wanted and (transport == "udp" or words[3] == "0A"):
            return True
    return False
