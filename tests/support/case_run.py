# SPDX-License-Identifier: Apache-2.0
"""One case from start to verdict: folder, addresses, pool, peers, steps,
expectations, end.

Order: servers listen, the pool is up, callers start, steps run, callers end,
servers are ended, expectations are compared, the pool stops, the capture is
dissected.  Whatever fails is added to `problems`; the end always happens."""

import re
import shutil
import subprocess
import tempfile
import time
import pathlib

from support import capture as capture_of
from support import cdr as cdr_of
from support import net as net_of
from support import peers as peers_of
from support import steps as steps_of
from support.pool import Pool, PoolError
from support.scenario import BadScenario, seconds

UP_TIMEOUT_S = 15
SETTLE_S = 5
DEFAULT_POOL_INI = peers_of.SHARED / "pool.ini"
# What must be nought in every case that does not say otherwise.
CLEAN_COUNTERS = ("sip_malformed", "sip_oversize", "sip_bad_responses",
                  "handovers_dropped", "send_errors")


class CaseRun:
    PREFIX = "mspool-it-"

    def __init__(self, case, programs, keep=False):
        self.case, self.programs, self.keep = case, programs, keep
        self.problems = []
        self.saved = {}
        base = "/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None
        self.folder = pathlib.Path(
            tempfile.mkdtemp(prefix=self.PREFIX, dir=base))
        self.net = net_of.Net(case.is_ipv6)
        self.places = self.net.pool()
        self.pool = None
        self.peers = {}
        self.capture = None

    # -- templates ---------------------------------------------------------

    def values(self):
        case = self.case
        values = {"RUN": str(self.folder / "run"), "FOLDER": str(self.folder),
                  "HERE": str(case.scenario.folder),
                  "SIGNALLING": case.scenario["workers"],
                  "MEDIA": case.scenario["media"],
                  "MEDIA_PORTS": self.net.media_ports(),
                  "FE_TRANSPORT": case.front_transport,
                  "GW_TRANSPORT": case.gateway_transport,
                  "POOL_HOST": net_of.uri_host(self.places["INTERNAL"])}
        local, values["LOCAL_RTP"] = self.net.local()
        values["LOCAL"] = net_of.text(local)
        for name, place in {**self.places, **self.net.metrics()}.items():
            values[name] = net_of.text(place)
        return {**values, **case.values, **self.saved}

    def fill(self, text, more=None):
        """Replaces every @NAME@; peers' names mean their address."""
        values = {**self.values(), **(more or {})}

        def one(match):
            name = match.group(1)
            if name in values:
                return values[name]
            if re.fullmatch(r"(FE|GW|UA|STRANGER)\d*(_HOST|_PORT)?", name):
                base, _, part = name.partition("_")
                place = self.net.place(base)
                return {"": net_of.text(place), "HOST": net_of.uri_host(place),
                        "PORT": str(place[1])}[part]
            raise BadScenario(f"{self.case.name}: unknown @{name}@")
        return re.sub(r"@([A-Z][A-Z0-9_]*)@", one, text)

    def lines(self, key):
        return [self.fill(v) for v in self.case.scenario.multiple[key]]

    # -- the run -----------------------------------------------------------

    def run(self):
        """True when the case is good; the log of problems says why not."""
        self.deadline = time.monotonic() + seconds(
            self.case.scenario["timeout"])
        try:
            self._start()
            self._steps()
            self._finish_peers()
            self._compare()
        except (PoolError, BadScenario, OSError,
                subprocess.TimeoutExpired) as wrong:
            self.problems.append(f"{type(wrong).__name__}: {wrong}")
        finally:
            self._end()
        return not self.problems

    def left(self):
        return max(0.1, self.deadline - time.monotonic())

    def _start(self):
        scenario = self.case.scenario
        if scenario["capture"] == "yes":
            self.capture = capture_of.Capture(
                self.folder / "wire.pcapng", self.net.bpf())
            self.capture.start()
        for line in self.lines("peer"):
            peer = peers_of.make(self, line)
            self.peers[peer.name] = peer
        for peer in self.peers.values():
            if peer.is_server and not peer.is_later:
                self._start_peer(peer)
        self._start_pool()
        for peer in self.peers.values():
            if not peer.is_server and not peer.is_later:
                self._start_peer(peer)

    def _start_peer(self, peer):
        peer.start()
        if peer.is_server and not peers_of.wait_until_listening(peer):
            raise PoolError(f"{peer.name} does not listen")

    def start_peer(self, name):
        self._start_peer(self.peers[name])

    def _start_pool(self):
        own = self.case.scenario.folder / "pool.ini"
        template = own if own.exists() else DEFAULT_POOL_INI
        self.config = self.folder / "pool.ini"
        text = self.fill(template.read_text())
        if "[cdr]" not in text:
            text += cdr_of.INI.format(self.folder / "cdr")
        self.config.write_text(text)
        run_dir = self.folder / "run"
        run_dir.mkdir(mode=0o750)
        env = dict(line.split("=", 1) for line in self.lines("env"))
        self.pool = Pool(self.programs, run_dir, self.config, env,
                         self.case.scenario["manager"] == "yes")
        self.pool.start(UP_TIMEOUT_S)

    def _steps(self):
        for line in self.case.scenario.multiple["step"]:
            problem = steps_of.take(self, self.fill(line))
            if problem:
                self.problems.append(f"step '{line}': {problem}")
                return

    def _finish_peers(self):
        """Callers end by themselves, the pool lets go, servers are told to."""
        for peer in self.peers.values():
            if peer.process and not peer.is_server:
                self.finish_peer(peer)
        if self.pool.process.poll() is None and not self._states_calls():
            steps_of.expect(self, "calls.count == 0", wait=SETTLE_S)
        for peer in reversed(self.peers.values()):  # a relay last
            if peer.process and peer.is_server:
                self._note(peer, peer.end())

    def _states_calls(self):
        """Does the scenario itself say how many calls are left?"""
        return any("calls.count" in line for line in self.lines("expect"))

    def finish_peer(self, peer):
        self._note(peer, peer.wait(self.left()))

    def _note(self, peer, code):
        if peer.is_killed:
            return
        if code is None:
            self.problems.append(f"{peer.name} did not end in time")
            return
        problem = peer.problem(code)
        if problem and problem not in self.problems:
            self.problems.append(problem)

    def _compare(self):
        if self.pool.process.poll() is None:
            self._compare_standing()
        for line in self.lines("expect"):
            problem = steps_of.expect(self, line)
            if problem:
                self.problems.append(f"expect {line}: {problem}")

    def _compare_standing(self):
        """What holds at the end of every case."""
        wanted = [f"restarts == {self.case.scenario['restarts']}"]
        stated = " ".join(self.lines("expect"))
        if not self._states_calls():
            wanted.append("calls.count == 0")
        wanted += [f"counter.{name} == 0" for name in CLEAN_COUNTERS
                   if f"counter.{name}" not in stated]
        wanted += self._cdrs_wanted(stated)
        for line in wanted:
            problem = steps_of.expect(self, line, wait=SETTLE_S)
            if problem:
                self.problems.append(f"always {line}: {problem}")

    def _cdrs_wanted(self, stated):
        """A record for each call, none twice.  A worker that died may have
        counted a call that its successor counted again."""
        wanted = ["cdr.doubled == 0", "cdr.torn == 0"]
        if "cdr.waiting" not in stated:
            wanted.append("status.cdr.waiting == 0")
        if "cdr.calls" not in stated and not self._states_calls():
            status = self.pool.ask("status") or {"calls": {"total": -1}}
            total = status["calls"]["total"]
            sign = "==" if self.case.scenario["restarts"] == "0" else "<="
            wanted.append(f"cdr.calls {sign} {total}")
        return wanted

    def _end(self):
        for peer in self.peers.values():
            peer.kill()
        if self.pool:
            code = self.pool.stop()
            if str(code) != self.case.scenario["pool_exit"]:
                self.problems.append(f"the master ended with {code}")
            self.problems += [f"log: {line}"
                              for line in self.pool.complaints()]
        if self.capture:
            self.capture.stop()
            self.problems += self.capture.warnings(self.places)
        self.net.close()

    # -- afterwards --------------------------------------------------------

    def logs(self, limit=6000):
        """(name, end of text) of every log of the run."""
        for path in sorted(self.folder.glob("*")):
            if path.suffix in (".out", ".err", ".msg", ".log", ".ini"):
                text = path.read_text(errors="replace")
                if text.strip():
                    yield path.name, text[-limit:]

    def remove(self):
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
