# SPDX-License-Identifier: Apache-2.0
"""A pool of the build tree under test: starts mspoold, asks mspoolctl, kills a
worker by its pid, stops everything.

The trap: a worker that we killed is replaced by the master, and at the end a
worker must not outlive the master, so stop() ends what is left by the pids that
`mspoolctl workers` named while the pool ran."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

POLL_S = 0.02
NOBODY = 65534
HERE = pathlib.Path(__file__).resolve().parent
BAD_LOG_WORDS = ("AddressSanitizer", "runtime error:", "LeakSanitizer",
                 "must failed", "must(", "ev=must")
# What lets a stranger in or listen, and so stands in no log at any level.
SECRETS = ("inline:", "a=crypto", "Authorization", "nonce=", "PRIVATE KEY")


class PoolError(Exception):
    """The pool did not do what every scenario relies on."""


class Pool:
    def __init__(self, programs, run_dir, config, env, is_managed=False):
        self.programs = pathlib.Path(programs)
        self.run_dir = pathlib.Path(run_dir)
        self.log_path = self.run_dir.parent / "pool.log"
        self.config = config
        self._quiet_metrics()
        self.env = {**os.environ, **env}
        self.env.pop("LSAN_OPTIONS", None)  # that of the unit tests
        self.env.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=99")
        self.env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        self.process = None  # mspoold, or its service manager
        self.is_managed = is_managed
        self.masters_killed = 0
        self.pids = set()

    def _quiet_metrics(self):
        """The observers of pools that run side by side would want the same
        port: who does not say where to listen does not."""
        text = pathlib.Path(self.config).read_text()
        if "[metrics]" not in text:
            pathlib.Path(self.config).write_text(
                text + "\n[metrics]\nenabled = no\n")

    def observer(self):
        """Its pid, from the log: it is no worker."""
        found = re.findall(rb"event=observer_up pid=(\d+)",
                           self.log_path.read_bytes())
        return int(found[-1]) if found else None

    def command(self):
        command = [self.programs / "master/mspoold", "-f", "-c", self.config]
        if not self.is_managed:
            return command
        return [sys.executable, HERE / "manager.py", self._manager_file(),
                *command]

    def _manager_file(self):
        return self.run_dir.parent / "manager"

    def managed(self):
        """(pid of mspoold, descriptors stored, restarts)"""
        words = self._manager_file().read_text().split()
        return tuple(int(word) for word in words)

    def master_pid(self):
        return self.managed()[0] if self.is_managed else self.process.pid

    def _times_up(self):
        """How often this pool's log says that it is up: what status shows may
        be of a master that was killed."""
        if not self.log_path.exists():
            return 0
        return self.log_path.read_bytes().count(b"event=pool_up")

    def start(self, timeout):
        """The first start, or another after a kill."""
        times_up = self._times_up()
        if self.is_managed and self.process:
            self.process.send_signal(signal.SIGUSR2)  # after kill_everybody
        else:
            self._run()
        self._wait_up(times_up, timeout)

    def wait_restarted(self, timeout):
        """The manager starts a killed master by itself, and may not have seen
        yet that it was killed."""
        deadline = time.monotonic() + timeout
        while (self.managed()[2] < self.masters_killed or
               self._times_up() <= self.managed()[2]):
            if time.monotonic() > deadline:
                raise PoolError(f"not up again after {timeout} s")
            time.sleep(POLL_S)
        self.workers()

    def _run(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.env, cwd=self.run_dir.parent)

    def _wait_up(self, times_up, timeout):
        deadline = time.monotonic() + timeout
        while True:
            if self.process.poll() is not None:
                raise PoolError(
                    f"mspoold ended with {self.process.returncode}")
            if self._times_up() > times_up:
                break
            if time.monotonic() > deadline:
                raise PoolError(f"not up after {timeout} s")
            time.sleep(POLL_S)
        self._wait_status(deadline)
        self.workers()

    def _wait_status(self, deadline):
        """A crash point may have killed a worker by now: it is replaced."""
        while True:
            answer = self.ask("status")
            if answer and answer.get("state") == "up":
                return
            if time.monotonic() > deadline:
                raise PoolError(f"up by its log, by its status: {answer}")
            time.sleep(POLL_S)

    def ctl(self, *words, timeout=30):
        """mspoolctl with these words: (exit code, stdout, stderr)."""
        done = subprocess.run(
            [self.programs / "tools/mspoolctl", "-r", self.run_dir, *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout, env=self.env)
        return done.returncode, done.stdout, done.stderr

    def _as_other(self, is_member):
        """How mspoolctl runs as a user who may not read the state: a member of
        the pool's group, or nobody.  It is copied to where he may."""
        program = self.run_dir.parent / "mspoolctl"
        if not program.exists():
            shutil.copy(self.programs / "tools/mspoolctl", program)
            program.chmod(0o755)
            self.run_dir.parent.chmod(0o711)
        return [program, "-r", self.run_dir], {
            "user": NOBODY, "group": NOBODY, "cwd": "/", "env": self.env,
            "extra_groups": [os.getegid()] if is_member else [],
            "stdin": subprocess.DEVNULL, "text": True}

    def ctl_of_other(self, is_member, *words, timeout=30):
        """mspoolctl as such a user: (exit code, stdout, stderr)."""
        command, who = self._as_other(is_member)
        done = subprocess.run([*command, *words], capture_output=True,
                              timeout=timeout, **who)
        return done.returncode, done.stdout, done.stderr

    def follower(self):
        """A member's `events -f`, a JSON document a line."""
        command, who = self._as_other(True)
        return subprocess.Popen([*command, "--json", "events", "-f"],
                                stdout=subprocess.PIPE, **who)

    def ask(self, *words):
        """The document of a query, None when the pool does not answer."""
        code, out, _ = self.ctl("--json", *words)
        if code != 0:
            return None
        try:
            return json.loads(out)
        except ValueError as wrong:
            raise PoolError(f"mspoolctl --json {words}: {wrong}: {out!r}")

    def workers(self):
        workers = self.ask("workers") or []
        self.pids |= {w["pid"] for w in workers if w.get("pid")}
        return workers

    def cdr_pid(self):
        """Of the process that writes call records; None when it is dead."""
        pid = (self.ask("status") or {}).get("cdr", {}).get("pid")
        self.pids |= {pid} if pid else set()
        return pid

    def kill(self, names, how):
        """All of them at once: pids are known before the first one dies."""
        for pid in [self._pid_of(name) for name in names]:
            os.kill(pid, getattr(signal, f"SIG{how}"))
        if "master" in names and how == "KILL":
            self._master_killed()

    def _master_killed(self):
        self.masters_killed += 1
        if not self.is_managed:
            self.process.wait()

    def _pid_of(self, name):
        helpers = {"master": self.master_pid, "cdr": self.cdr_pid,
                   "observer": self.observer}
        if name in helpers:
            pid = helpers[name]()
        else:
            pid = next((worker["pid"] for worker in self.workers()
                        if worker["id"] == name), None)
        if not pid:
            raise PoolError(f"no living {name} to kill")
        return pid

    def signal(self, how):
        os.kill(self.master_pid(), getattr(signal, f"SIG{how}"))

    def kill_everybody(self):
        """Master and workers at once, the master first, so that nobody is
        replaced; nobody starts it again but start()."""
        pids = [w["pid"] for w in self.workers() if w["pid"]]
        pids += [pid for pid in (self.cdr_pid(), self.observer())
                 if pid and self._is_ours(pid)]
        if self.is_managed:
            self.process.send_signal(signal.SIGUSR1)
        for pid in [self.master_pid(), *pids]:
            os.kill(pid, signal.SIGKILL)
        self._master_killed()

    def stop(self, patience=5, timeout=10):
        """Ends the pool, with patience for running calls; the exit code."""
        if not self.process:
            return None
        if self.process.poll() is None:
            self.workers()
            self.process.terminate()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.terminate()  # CONTRACT: a second one, at once
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "killed: did not stop"
        left = [pid for pid in self.pids if self._is_ours(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return f"left workers {left}" if left else code

    def _is_ours(self, pid):
        """Is this pid still a worker of this very pool?"""
        try:
            line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            state = pathlib.Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        is_dead = state.rpartition(")")[2].split()[0] in "ZX"
        return str(self.run_dir).encode() in line and not is_dead

    def complaints(self):
        """What the log says that no good run may say."""
        if not self.log_path.exists():
            return []
        lines = self.log_path.read_text(errors="replace").splitlines()
        return [line for line in lines
                if any(word in line for word in BAD_LOG_WORDS + SECRETS)]
