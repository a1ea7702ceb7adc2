# SPDX-License-Identifier: Apache-2.0
"""A whole pool that carries calls which sipgen has set up, for benches that
kill parts of it (media-kill, respawn).  Programs run at real-time priority
where that is allowed, since other work on the machine would be measured
otherwise.  The trap: a pool's workers outlive their master, so kill_all() asks
for their pids first."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

NET = f"127.{64 + os.getpid() % 180}.78"
SUT, SUT_GATEWAY = f"{NET}.1:5060", f"{NET}.1:5068"
CALLER, CALLEE, PARTIES = f"{NET}.2:5060", f"{NET}.3:5060", f"{NET}.4"
PARTY_PORT = 20000  # of the first call's caller; four ports a call
ASKER = f"{NET}.5"  # a front end that only sends OPTIONS
CONFIG = f"""[pool]
fqdn = bench.example.com
run_dir = @RUN@
signalling_workers = 1
media_workers = @MEDIA@

[listen internal]
udp = {SUT}
tcp = {SUT}

[listen gateway]
udp = {SUT_GATEWAY}
tcp = {SUT_GATEWAY}

[media]
inactivity_timeout = 0

[frontend fe1]
address = {CALLER}
transport = @TRANSPORT@

[frontend asker]
address = {ASKER}:5060
transport = udp

[gateway gw1]
address = {CALLEE}
transport = @TRANSPORT@
"""
START_TIMEOUT_S = 30
SETUP_RATE = 150  # calls a second


def realtime(priority):
    words = ["chrt", "-f", str(priority)]
    try:
        done = subprocess.run([*words, "true"], capture_output=True)
    except OSError:
        return []
    return words if done.returncode == 0 else []


class Pool:
    """The pool and the calls that it carries."""

    def __init__(self, build, n_calls, talk_s, **how):
        self.build, self.n_calls, self.talk_s = build, n_calls, talk_s
        self.transport = how.get("transport", "udp")
        self.has_media = how.get("has_media", True)
        self.engine = how.get("engine", "")
        self.rate = how.get("rate", SETUP_RATE)
        self.folder = pathlib.Path(tempfile.mkdtemp(
            prefix="mspool-bench-", dir="/dev/shm"))
        self.run = self.folder / "run"
        self.ports = self.folder / "ports"
        self.log = self.folder / "log"
        self.sipgen = None

    def __enter__(self):
        (self.folder / "pool.ini").write_text(
            CONFIG.replace("@RUN@", str(self.run))
            .replace("@MEDIA@", str(int(self.has_media)))
            .replace("@TRANSPORT@", self.transport))
        self.run.mkdir()
        self.start()
        try:
            self.set_up()
        except BaseException:  # nobody calls __exit__ then
            self.__exit__()
            raise
        return self

    def set_up(self):
        self.wait_for("the pool", lambda: self.status() == "up")
        seconds = self.n_calls / self.rate
        media = ["-m", f"{PARTIES}:{PARTY_PORT}", "-f", self.ports]
        self.sipgen = subprocess.Popen(
            [self.build / "tests/sipgen", "-s", SUT, "-g", SUT_GATEWAY,
             "-a", CALLER, "-b", CALLEE, "-t", self.transport,
             "-r", str(self.rate), "-d", str(seconds),
             "-h", str(int((seconds + self.talk_s) * 1000)),
             *(media if self.has_media else [])],
            stdout=subprocess.PIPE, text=True)
        self.wait_for("the calls", self.ports.exists if self.has_media else
                      lambda: self.n_answered() >= self.n_calls, seconds)
        time.sleep(0.5)

    def __exit__(self, *_):
        if self.sipgen:
            self.sipgen.kill()
            self.sipgen.wait()
        self.kill_all()
        time.sleep(1)  # the kernel closes an io_uring's sockets later
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        with open(self.log, "ab") as log:
            self.master = subprocess.Popen(
                [*realtime(10), self.build / "master/mspoold", "-f",
                 "-c", self.folder / "pool.ini"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "MSPOOL_MEDIA_ENGINE": self.engine})

    def wait_for(self, what, is_so, more_s=0.0):
        deadline = time.monotonic() + START_TIMEOUT_S + more_s
        while time.monotonic() < deadline:
            if is_so():
                return
            time.sleep(0.02)
        print(self.log.read_text()[-2000:], file=sys.stderr)
        sys.exit(f"{what}: not there after {START_TIMEOUT_S} s")

    def ask(self, what):
        done = subprocess.run(
            [self.build / "tools/mspoolctl", "-r", self.run, "--json",
             what], capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def status(self):
        return (self.ask("status") or {}).get("state")

    def pids(self):
        return {worker["id"]: worker["pid"]
                for worker in self.ask("workers") or [] if worker["pid"]}

    def n_answered(self):
        return (self.ask("status") or {"calls": {"answered": 0}})[
            "calls"]["answered"]

    def kill_all(self):
        pids = self.pids().values()
        self.master.kill()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.master.wait()

    def replacements_ms(self, slot="mw1"):
        return [int(ms) for ms in re.findall(
            rf"event=worker_replaced slot={slot} .*took_ms=(\d+)",
            self.log.read_text())]

    def refused(self):
        return len(re.findall("event=media_refused", self.log.read_text()))
