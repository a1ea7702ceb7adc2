# SPDX-License-Identifier: Apache-2.0
"""One run of a call of the crash set: a pool, its peers, the script, and an
end at a numbered passage of a worker, or none (base/crash.h).

The order: peers listen, the pool is up and has probed them, numbers begin, the
script is played, numbers are read, one more call shows that the pool is
well, nothing is left.  A run that `rests` waits until the last record is gone."""

import itertools
import pathlib
import random
import shutil
import socket
import tempfile
import time
import traceback

from support import canon
from support.cdr import INI as CDR_INI, Records
from support.pool import Pool, PoolError
from support.ua import Peer, ScriptError, Stage
from support.ua_message import BadMessage

UP_S, QUIET_S, SETTLE_S, REST_S = 20, 0.012, 8, 45
LOOP_DEATHS = 10  # CONTRACT "crash loop"
INTERNAL_PORT, GATEWAY_PORT = 5070, 5068
CDR_COLUMNS = ("direction", "calling", "called_out", "src_peer", "dst_peer",
               "result", "sip_code", "released_by", "release_reason")
CLEAN = ("sip_malformed", "sip_oversize", "handovers_dropped")

POOL_INI = """
[pool]
fqdn = pool.test
run_dir = @RUN@
signalling_workers = @WORKERS@
media_workers = 1
log_level = debug
watchdog = 20s
@POOL@

[listen internal]
udp = @NET@1:5070
tcp = @NET@1:5070

[listen gateway]
udp = @NET@1:5068
tcp = @NET@1:5068

[media]
ports = 16384-16423

[frontend fe1]
address = @NET@10:5060
transport = @TRANSPORT@
options_interval = 1d

[gateway gw1]
address = @NET@41:5060
transport = @TRANSPORT@
options_interval = 1d

[gateway gw2]
address = @NET@42:5060
transport = @TRANSPORT@
options_interval = 1d

[trunk *]
@TRUNK@

[route one]
match = ^1
trunks = gw1

[route two]
match = ^2
trunks = gw1, gw2
strategy = failover

[route three]
match = ^3
trunks = gw2
"""

_nets = itertools.count(random.randrange(10000))


def take_net():
    """("127.x.y.", lock): all of one width, so that lengths are equal."""
    for n in itertools.islice(_nets, 10000):
        net = f"127.{100 + n // 100 % 100}.{100 + n % 100}."
        lock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            lock.bind((net + "254", 9))
            return net, lock
        except OSError:
            lock.close()
    raise OSError("no loopback network is free")


class CrashRun:
    def __init__(self, call, transport, programs, orders):
        """orders: {"ms1": "37"}, see base/crash.h."""
        self.call, self.transport, self.orders = call, transport, orders
        self.programs = programs
        self.problems, self.counted, self.is_ended = [], {}, False
        self.cdrs = []
        base = "/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mspool-cr-",
                                                    dir=base))
        self.run_dir = self.folder / "run"
        self.net, self.lock = take_net()
        self.stage = Stage(self.net)
        self.stage.rest = self.rest
        self.pool = None
        self.call_id = None  # of the first call, when it must be somebody's

    # -- the passages ------------------------------------------------------

    @property
    def slots(self):
        return [f"ms{n + 1}" for n in range(self.call.workers)]

    def passages(self, slot):
        """[(life, number, point)] of this slot so far."""
        path = self.run_dir / f"passages-{slot}"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(life), int(n), point) for life, n, point in
                (line.split() for line in lines)]

    def numbered(self, slot):
        """Points that the first process passed, by number."""
        points = []
        for life, n, point in self.passages(slot):
            if life != 1 or (points and n != len(points) + 1):
                break  # it died, or was retired and came back
            if n:
                points.append(point)
        return points

    def _sizes(self):
        return [path.stat().st_size if path.exists() else 0
                for path in (self.run_dir / f"passages-{slot}"
                             for slot in self.slots)]

    def rest(self):
        """Waits until the pool has done what it has to do."""
        before, since = self._sizes(), time.monotonic()
        while time.monotonic() < since + QUIET_S:
            n = len(self.stage.record)
            self.stage.turn(QUIET_S / 4)
            now = self._sizes()
            if now != before or len(self.stage.record) != n:
                before, since = now, time.monotonic()

    # -- two workers -------------------------------------------------------

    def _slots_that_work(self, action):
        """The slots that pass anything because of what action does."""
        self.rest()
        before = self._sizes()
        action()
        self.rest()
        return [slot for slot, old, new in
                zip(self.slots, before, self._sizes()) if old != new]

    def way_to(self, peer, slot):
        """A socket or connection of this peer whose input this slot reads:
        the kernel spreads them by their ports."""
        for n in range(64):
            made = []
            read_by = self._slots_that_work(lambda: made.append(
                peer.way()) or made[0].send(
                    peer.stray("OPTIONS", f"of-{slot}-{n}")))
            if read_by == [slot]:
                return made[0]
            made[0].close()
            peer.ways.remove(made[0])
        raise ScriptError(f"no way of {peer.name} leads to {slot}")

    def call_id_of(self, peer, read_by, slot):
        """A Call-ID whose INVITE belongs to this slot's book, when read_by
        reads it: one that may go no further is steered like any other."""
        for n in itertools.count(1):
            call_id = f"{peer.name}-of-{slot}-{n}"
            took = self._slots_that_work(lambda: peer.way_out.send(
                peer.stray("INVITE", call_id, hops=0)))
            others = [one for one in took if one != read_by]
            if (others or [read_by]) == [slot]:
                return call_id

    def begin_numbers(self):
        self.rest()
        self.stage.record.clear()
        for slot in self.slots:
            order = self.run_dir / f"order-{slot}"
            order.write_text(self.orders.get(slot, "0"))
            order.rename(self.run_dir / f"crash-{slot}")

    # -- the run -----------------------------------------------------------

    def play(self):
        """True if all went well; else problems say what did not."""
        try:
            self._start()
            self.call.prepare(self)
            self.begin_numbers()
            self.call.script(self)
            self.rest()
            self.counted = {slot: len(self.numbered(slot))
                            for slot in self.slots}
            self.call.after(self)
            self.rest()
            self._settle()
        except (ScriptError, BadMessage, PoolError, OSError) as wrong:
            self.problems.append(f"{type(wrong).__name__}: {wrong}")
        except Exception:  # of the script itself
            self.problems.append(traceback.format_exc())
        return not self.problems

    def _start(self):
        internal = (f"{self.net}1", INTERNAL_PORT)
        gateway = (f"{self.net}1", GATEWAY_PORT)
        self.fe = Peer(self.stage, "fe1", 10, self.transport, internal)
        self.gw = Peer(self.stage, "gw1", 41, self.transport, gateway)
        self.gw2 = Peer(self.stage, "gw2", 42, self.transport, gateway)
        text = POOL_INI
        for name, value in (("RUN", str(self.run_dir)), ("NET", self.net),
                            ("WORKERS", str(self.call.workers)),
                            ("TRANSPORT", self.transport),
                            ("POOL", self.call.pool_lines),
                            ("TRUNK", self.call.trunk_lines)):
            text = text.replace(f"@{name}@", value)
        self.run_dir.mkdir(mode=0o750)
        config = self.folder / "pool.ini"
        config.write_text(text + CDR_INI.format(self.folder / "cdr"))
        self.pool = Pool(self.programs, self.run_dir, config,
                         {"MSPOOL_CRASH": "numbered"})
        self.pool.start(UP_S)
        self.stage.until(lambda: all(p.n_probed for p in self.stage.peers),
                         "probe of every peer")

    def _settle(self):
        """Nothing is up, each slot died as often as it should."""
        end = time.monotonic() + SETTLE_S
        while self.pool.ask("calls") != []:
            if time.monotonic() > end:
                raise ScriptError(f"calls left: {self.pool.ask('calls')}")
            self.stage.turn(0.05)
        for slot in self.slots:
            self._check_lives(slot)
        self._read_cdrs(end)
        counters = self.pool.ask("status")["counters"]
        self.problems += [f"counter {name} is {counters[name]}"
                          for name in CLEAN if counters[name]]
        self.problems += [f"log: {line}" for line in self.pool.complaints()]

    def _check_lives(self, slot):
        order = self.orders.get(slot, "0").split()
        wanted = sum(word != "0" for word in order)
        died = sum((self.run_dir / f"crashed-{slot}-{n + 1}").exists()
                   for n in range(len(order) + 1))
        worker = next(w for w in self.pool.workers() if w["id"] == slot)
        if wanted > LOOP_DEATHS:  # more than a slot may
            if worker["state"] != "down":
                self.problems.append(f"{slot} died {died} times and is "
                                     f"{worker['state']}")
            return
        if died != wanted:
            self.problems.append(f"{slot} died {died} times, not {wanted}")
        if worker["restarts"] != died:
            self.problems.append(
                f"{slot} was started again {worker['restarts']} times, it "
                f"died {died} times")

    def _read_cdrs(self, end):
        """What the call records tell that does not depend on time."""
        while self.pool.ask("status")["cdr"]["waiting"]:
            if time.monotonic() > end:
                raise ScriptError("call records wait for the disk")
            self.stage.turn(0.02)
        records = Records(self.folder)
        if records.torn or records.doubled():
            self.problems.append(f"{records.torn} call records torn, "
                                 f"{records.doubled()} doubled")
        total = self.pool.ask("status")["calls"]["total"]
        if not any(word != "0" for word in self.orders.values()) and \
                len(records.ends) != total:
            self.problems.append(f"{len(records.ends)} call records of "
                                 f"{total} calls")
        self.cdrs = sorted(
            " ".join(str(record[column]) for column in CDR_COLUMNS)
            for record in records.ends)

    def wait_for_rest(self):
        """Until every record is gone; transactions absorb for 32 s."""
        end = time.monotonic() + REST_S
        left = None
        while time.monotonic() < end:
            left = self.pool.ask("calls", "--all")
            if left == []:
                return
            time.sleep(0.5)
        self.problems.append(f"records left after {REST_S} s: {left}")

    def streams(self):
        return canon.streams(self.stage.record, self.net,
                             bool(self.call.heirs))

    def end(self):
        if self.is_ended:
            return
        self.is_ended = True
        self.stage.close()
        if self.pool:
            code = self.pool.stop(patience=0.6)
            if code != 0:
                self.problems.append(f"the master ended with {code}")
            self.problems += [f"log: {line}"
                              for line in self.pool.complaints()]
        self.lock.close()

    def log(self, limit=8000):
        path = self.folder / "pool.log"
        return path.read_text(errors="replace")[-limit:] \
            if path.exists() else ""

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
