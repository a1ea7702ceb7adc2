# SPDX-License-Identifier: Apache-2.0
"""What went over the wire: dumpcap while a case runs, tshark afterwards.  Every
expert warning or error on a packet that the pool sent is a problem.

Where capturing is not allowed (a container without CAP_NET_RAW) the check is
told as not made and the case goes on: everything else still counts."""

import shutil
import subprocess
import sys
import time

WARNING_OR_WORSE = 0x00600000
START_TIMEOUT_S = 10


class Capture:
    def __init__(self, path, bpf):
        self.path, self.bpf = path, bpf
        self.process = None
        self.why_not = None

    def start(self):
        if not shutil.which("dumpcap") or not shutil.which("tshark"):
            self.why_not = "tshark is not installed"
            return
        self.process = subprocess.Popen(
            ["dumpcap", "-q", "-i", "lo", "-f", self.bpf, "-w", self.path],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.path.exists() or self.path.stat().st_size == 0:
            if self.process.poll() is not None:
                self.why_not = self.process.stderr.read().strip()
                self.process = None
                return
            if time.monotonic() > deadline:
                self.stop()
                self.why_not = "dumpcap did not begin"
                return
            time.sleep(0.02)

    def stop(self):
        if self.process:
            time.sleep(0.3)  # the kernel's ring still holds the last packets
            self.process.terminate()
            self.process.wait(10)
            self.process.stderr.close()

    def warnings(self, places):
        if self.why_not:
            print(f"  note: not captured: {self.why_not}", file=sys.stderr)
            return []
        ports = {port for _, port in places.values()}
        decode = [word for port in sorted(ports)
                  for proto in ("udp", "tcp")
                  for word in ("-d", f"{proto}.port=={port},sip")]
        from_us = " or ".join(
            f"({'ipv6' if ':' in host else 'ip'}.src == {host} and "
            f"(udp.srcport == {port} or tcp.srcport == {port}))"
            for host, port in places.values())
        to_peers = " or ".join(
            f"ip.src == {host}" for host, _ in places.values()
            if ":" not in host)
        whose = f"({from_us})" + (f" or ({to_peers})" if to_peers else "")
        return self._dissect(decode, f"({whose}) and _ws.expert.severity >= "
                                     f"{WARNING_OR_WORSE}")

    def _dissect(self, decode, display_filter):
        done = subprocess.run(
            ["tshark", "-r", self.path, *decode, "-Y",
             f"{display_filter} and (sip or rtp or rtcp or sdp)",
             "-T", "fields", "-e", "frame.number", "-e", "_ws.col.Info",
             "-e", "_ws.expert.message"],
            capture_output=True, text=True)
        if done.returncode != 0:
            return [f"tshark: {done.stderr.strip()}"]
        return [f"wire: frame {line}" for line in done.stdout.splitlines()]
