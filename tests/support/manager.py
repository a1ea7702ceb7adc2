#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for systemd, for tests: runs a program as a service does that has
Type=notify, Restart=always, KillMode=process and a descriptor store.

  manager.py STATE-FILE PROGRAM ARGUMENTS…

It speaks NOTIFY_SOCKET: FDSTORE=1 with FDNAME and FDPOLL=0, FDSTOREREMOVE=1,
READY=1, STOPPING=1.  When the program ends by itself or is killed, it is
started again with what is stored (LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID); its
children are left alone.  TERM passes to the program, whose end is then the end;
USR1 stops restarting until USR2, so that a test can kill everybody.
STATE-FILE holds one line: pid, number of descriptors stored, restarts."""

import array
import os
import pathlib
import signal
import socket
import sys

FIRST_FD = 3
MESSAGE_MAX, FDS_MAX = 4096, 64


class Manager:
    def __init__(self, state_file, command):
        self.state_file, self.command = pathlib.Path(state_file), command
        self.store = []  # (name, fd), oldest first
        self.pid, self.restarts = 0, -1
        self.is_stopping = self.is_holding = False
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.path = str(self.state_file) + ".notify"
        self.socket.bind(self.path)
        self.socket.settimeout(0.02)

    # -- the program -------------------------------------------------------

    def start(self):
        self.restarts += 1
        self.pid = os.fork()
        if self.pid == 0:
            self.run_program()
        self.tell()

    def run_program(self):
        """In the child: the stored descriptors become 3, 4, …"""
        names = [name for name, _ in self.store]
        copies = [os.dup2(fd, FIRST_FD + len(names) + 100 + i)
                  for i, (_, fd) in enumerate(self.store)]
        for i, fd in enumerate(copies):
            os.dup2(fd, FIRST_FD + i, inheritable=True)
        os.closerange(FIRST_FD + len(names), 65536)
        os.environ["NOTIFY_SOCKET"] = self.path
        if names:
            os.environ["LISTEN_PID"] = str(os.getpid())
            os.environ["LISTEN_FDS"] = str(len(names))
            os.environ["LISTEN_FDNAMES"] = ":".join(names)
        os.execv(self.command[0], self.command)

    def look(self):
        if not self.pid:
            return
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return
        self.pid = 0
        self.hear_all()  # what it said last
        if self.is_stopping:
            sys.exit(os.waitstatus_to_exitcode(status))

    # -- what it says ------------------------------------------------------

    def hear(self):
        fds = array.array("i")
        text, controls, _, _ = self.socket.recvmsg(
            MESSAGE_MAX, socket.CMSG_SPACE(FDS_MAX * fds.itemsize))
        for level, kind, data in controls:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
        self.take(dict(line.partition("=")[::2]
                       for line in text.decode().splitlines()), list(fds))

    def hear_all(self):
        try:
            while True:
                self.hear()
        except TimeoutError:
            pass

    def take(self, words, fds):
        name = words.get("FDNAME", "stored")
        if words.get("FDSTORE") == "1":
            # a duplicate of what is there is dropped, as systemd does
            for fd in fds:
                if any(os.path.sameopenfile(fd, old)
                       for _, old in self.store):
                    os.close(fd)
                else:
                    self.store.append((name, fd))
        else:
            for fd in fds:
                os.close(fd)
        if words.get("FDSTOREREMOVE") == "1":
            for item in [i for i in self.store if i[0] == name]:
                self.store.remove(item)
                os.close(item[1])
        self.tell()

    def tell(self):
        fresh = self.state_file.with_suffix(".new")
        fresh.write_text(f"{self.pid} {len(self.store)} {self.restarts}\n")
        fresh.rename(self.state_file)

    # -- for ever ----------------------------------------------------------

    def on_term(self, number, frame):
        self.is_stopping = True
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)
        else:
            sys.exit(0)

    def on_hold(self, number, frame):
        self.is_holding = number == signal.SIGUSR1

    def run(self):
        signal.signal(signal.SIGTERM, self.on_term)
        signal.signal(signal.SIGUSR1, self.on_hold)
        signal.signal(signal.SIGUSR2, self.on_hold)
        while True:
            if not self.pid and not self.is_holding:
                self.start()
            try:
                self.hear()
            except TimeoutError:
                pass
            self.look()


if __name__ == "__main__":
    Manager(sys.argv[1], sys.argv[2:]).run()
