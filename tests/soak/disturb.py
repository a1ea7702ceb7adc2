# SPDX-License-Identifier: Apache-2.0
"""What is done to a pool while it carries calls: rows of DISTURBANCES, chosen by
a seeded generator of random numbers, with the time of each.

`Disturber.act()` does one and notes it in `acts`; those that end a process are
`kills`.  The trap: which process a seed hits depends on what lives at that
moment, so a seed repeats the plan, not the instant."""

import collections
import os
import random
import signal
import time

# SIPp aborts its calls when a connection of theirs closes.
ONLY_WHEN_NAMED = ("kill-everybody",)
SIGNALLING = (2, 4)  # what scale goes to
MEDIA = (1, 3)
UP_TIMEOUT_S = 30
HANG_S = 3  # a stopped worker is found and replaced, on a busy machine

Act = collections.namedtuple("Act", "us what")
Row = collections.namedtuple("Row", "name weight fn is_kill needs")


def boot_us():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


class Disturber:
    def __init__(self, run, seed, wanted):
        self.run, self.random = run, random.Random(seed)
        self.acts, self.kills, self.killed_pids = [], [], set()
        self.refused = []
        verbs = run.pool.ctl("help")[1]
        self.rows = [row for row in DISTURBANCES
                     if (row.name in wanted if wanted
                         else row.name not in ONLY_WHEN_NAMED) and
                     (not row.needs or row.needs in verbs)]
        self.n_reloads = 0
        self.hung_until = 0

    def act(self):
        row = self.random.choices(self.rows, [r.weight for r in self.rows])[0]
        what = row.fn(self)
        if not what:
            return
        act = Act(boot_us(), f"{row.name} {what}")
        self.acts.append(act)
        if row.is_kill:
            self.kills.append(act)

    def gap_s(self, mean):
        return min(self.random.expovariate(1 / mean), 5 * mean)

    # -- what the rows do --------------------------------------------------

    def _victim(self, kind):
        alive = [w for w in self.run.pool.workers()
                 if w["kind"] == kind and w["pid"]]
        return self.random.choice(alive) if alive else None

    def _send(self, kind, how):
        worker = self._victim(kind)
        if not worker:
            return None
        try:
            os.kill(worker["pid"], how)
        except ProcessLookupError:
            return None  # it was being replaced already
        self.killed_pids.add(worker["pid"])
        if how == signal.SIGSTOP:
            self.hung_until = time.monotonic() + HANG_S
        return worker["id"]

    def kill_signalling(self):
        return self._send("signalling", signal.SIGKILL)

    def kill_media(self):
        return self._send("media", signal.SIGKILL)

    def stop_signalling(self):
        return self._send("signalling", signal.SIGSTOP)

    def stop_media(self):
        return self._send("media", signal.SIGSTOP)

    def _wait_up(self):
        """False: it is not, in all that time."""
        time.sleep(max(0, self.hung_until - time.monotonic()))
        deadline = time.monotonic() + UP_TIMEOUT_S
        while (self.run.pool.ask("status") or {}).get("state") != "up":
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def kill_master(self):
        """Somebody starts another, as systemd would.  Not while a worker is
        down or hangs: what only the two of them held would go with both."""
        pool = self.run.pool
        if not self._wait_up():
            return None
        pool.process.kill()
        pool.process.wait()
        time.sleep(self.random.uniform(0, 0.3))
        pool.start(UP_TIMEOUT_S)
        return "master"

    def kill_everybody(self):
        """All at once, then a start.  Every connection goes with it."""
        pool = self.run.pool
        if not self._wait_up():
            return None
        self.killed_pids |= {w["pid"] for w in pool.workers() if w["pid"]}
        pool.kill_everybody()
        pool.process.wait()
        pool.start(UP_TIMEOUT_S)
        return "everybody"

    def upgrade(self):
        return self._ctl("upgrade") or "done"

    def upgrade_by_signal(self):
        """Until all its workers are other processes."""
        pool = self.run.pool
        if not self._wait_up():
            return None
        before = {w["pid"] for w in pool.workers()}
        pool.process.send_signal(signal.SIGUSR2)
        deadline = time.monotonic() + UP_TIMEOUT_S
        while before & {w["pid"] for w in pool.workers() if w["pid"]}:
            if time.monotonic() > deadline:
                self.refused.append("USR2: a worker was not replaced")
                break
            time.sleep(0.05)
        return "USR2" if self._wait_up() else None

    def _ctl(self, *words):
        code, out, err = self.run.pool.ctl(*words, timeout=UP_TIMEOUT_S)
        if code:
            self.refused.append(f"{' '.join(words)}: {err.strip()}")
        return " ".join(words[1:]) + (f" ({code})" if code else "")

    def reload(self):
        """A gateway that no route names comes and goes."""
        self.n_reloads += 1
        text = self.run.config.read_text().split("; extra\n")[0]
        if self.n_reloads % 2:
            text += ("; extra\n[gateway gwx]\naddress = "
                     f"{self.run.values()['EXTRA']}\ntransport = udp\n")
        self.run.config.write_text(text)
        return self._ctl("reload") or "done"

    def scale_signalling(self):
        n = self.random.randint(*SIGNALLING)
        return self._ctl("scale", "signalling", str(n))

    def scale_media(self):
        return self._ctl("scale", "media", str(self.random.randint(*MEDIA)))


DISTURBANCES = [
    Row("kill-signalling", 44, Disturber.kill_signalling, True, None),
    Row("kill-media", 20, Disturber.kill_media, True, None),
    Row("stop-signalling", 6, Disturber.stop_signalling, True, None),
    Row("stop-media", 4, Disturber.stop_media, True, None),
    Row("kill-master", 4, Disturber.kill_master, True, None),
    Row("kill-everybody", 2, Disturber.kill_everybody, True, None),
    Row("upgrade", 3, Disturber.upgrade, False, "upgrade"),
    Row("upgrade-by-signal", 3, Disturber.upgrade_by_signal, False, "upgrade"),
    Row("reload", 10, Disturber.reload, False, None),
    Row("scale-signalling", 10, Disturber.scale_signalling, False, None),
    Row("scale-media", 6, Disturber.scale_media, False, None),
]
