# SPDX-License-Identifier: Apache-2.0
"""What a pool holds: records, descriptors, connections, memory, ports; taken
before the load, while it runs and after it has settled, and compared.

Descriptors are compared without those that stand for something countable: a TCP
connection (a stream record in a book) and a media socket (seen in
/proc/net/udp), both of which the master keeps a duplicate of; and without the
files of books, which a process that has read a book keeps open (lmdb.h: an
environment is opened once): those must be few for each book."""

import collections
import json
import os
import pathlib
import re
import subprocess

MEDIA_PORTS = "16384-32767"
# What the master may grow by between settled states: its allocator's.
MASTER_RSS_GROWTH_KB = 4096
BOOK_GROWTH = 1.5  # of the high-water mark, second half of the run
BOOK_SLACK = 2 << 20
BOOK_FILE = re.compile(r".*/state/ms\d+/(data|lock)\.mdb")
BOOK_FILE_MAX = 2  # descriptors of one such file in one process


def holdings(programs, run_dir):
    """What soakstat says."""
    done = subprocess.run([programs / "tests/soakstat", run_dir],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def records(stat):
    return {table: sum(book[table] for book in stat["books"])
            for table in ("call", "pending", "stream", "cdr")}


def books_used(stat):
    return {book["book"]: book["used"] for book in stat["books"]}


def rss_kb(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    return 0


def descriptors(pid):
    """What each descriptor is, by kind; numbers of sockets are left out."""
    kinds = collections.Counter()
    inodes = set()
    for path in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(path)
        except OSError:
            continue
        if target.startswith("socket:"):
            inodes.add(target[8:-1])
        kinds[target.split(":[")[0]] += 1
    return kinds, inodes


def _hex_host(host):
    return "".join(f"{int(part):02X}" for part in reversed(host.split(".")))


def inodes_of(table, host, is_wanted):
    """Inodes of sockets in /proc/net/TABLE that are bound to host and fit."""
    wanted = _hex_host(host) + ":"
    found = set()
    for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
        words = line.split()
        if words[1].startswith(wanted) and is_wanted(
                int(words[1][9:], 16), words[3]):
            found.add(words[9])
    return found


ESTABLISHED = "01"


class Snapshot:
    """Descriptors of the master, of all signalling and of all media workers: a
    retired slot's are with whoever serves it now."""

    def __init__(self, run):
        host = run.places["INTERNAL"][0]
        first, last = map(int, MEDIA_PORTS.split("-"))
        media = inodes_of("udp", host, lambda port, _: first <= port <= last)
        tcp = inodes_of("tcp", host, lambda _, state: state == ESTABLISHED)
        self.n_connections, self.n_media = len(tcp), len(media)
        self.stat = holdings(run.programs, run.pool.run_dir)
        self.records = records(self.stat)
        self.workers = run.pool.workers()
        self.rest = collections.Counter()  # that stand for nothing counted
        self.kinds = collections.defaultdict(collections.Counter)
        self.book_files = []  # (process, file, descriptors) above the bound
        processes = [("the master", run.pool.process.pid)]
        processes += [(f"{w['kind']} workers", w["pid"])
                      for w in self.workers if w["pid"]]
        for name, pid in processes:
            kinds, inodes = descriptors(pid)
            for path in [p for p in kinds if BOOK_FILE.fullmatch(p)]:
                n = kinds.pop(path)
                if n > BOOK_FILE_MAX:
                    self.book_files.append((name, path, n))
            self.kinds[name] += kinds
            self.rest[name] += (sum(kinds.values()) - len(inodes & media) -
                                len(inodes & tcp))
        self.master_rss_kb = rss_kb(run.pool.process.pid)


def compare(before, after):
    """What leaked, in words."""
    for table in ("call", "pending", "cdr"):
        if after.records[table] > before.records[table]:
            yield (f"{after.records[table]} records in `{table}`, "
                   f"{before.records[table]} before")
    if after.records["stream"] != after.n_connections:
        yield (f"{after.records['stream']} stream records for "
               f"{after.n_connections} connections")
    if after.stat["streams"] > before.stat["streams"]:
        yield (f"{after.stat['streams']} media streams, "
               f"{before.stat['streams']} before")
    for name in sorted(before.rest.keys() & after.rest.keys()):
        if after.rest[name] > before.rest[name]:
            more = after.kinds[name] - before.kinds[name]
            yield (f"{after.rest[name]} descriptors of {name}, "
                   f"{before.rest[name]} before; more are {dict(more)}")
    for name, path, n in after.book_files:
        yield f"{n} descriptors of {path} in one of {name}"
    growth = after.master_rss_kb - before.master_rss_kb
    if growth > MASTER_RSS_GROWTH_KB:
        yield f"the master grew by {growth} kB"


def book_growth(middle, end):
    """Books whose high-water mark still rose in the second half of the run."""
    for book, used in end.items():
        was = middle.get(book, used)
        if used > was * BOOK_GROWTH + BOOK_SLACK:
            yield f"{book}'s map grew from {was} to {used} bytes"
