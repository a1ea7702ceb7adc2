# SPDX-License-Identifier: Apache-2.0
"""SIP messages as the crash harness needs them: taken apart to be compared and
answered, put together from parts.  Not a parser for strangers: what the pool
sends must be well-formed, anything else raises BadMessage and fails the run."""

import re


class BadMessage(Exception):
    """The pool sent something that is no SIP."""


class Message:
    def __init__(self, raw):
        self.raw = raw
        head, blank, self.body = raw.partition(b"\r\n\r\n")
        if not blank:
            raise BadMessage(f"no end of the head: {raw[:200]!r}")
        self.first, *lines = head.decode().split("\r\n")
        self.headers = []
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon:
                raise BadMessage(f"no header: {line!r}")
            self.headers.append((name.strip().lower(), value.strip()))
        if int(self.get("content-length")) != len(self.body):
            raise BadMessage(f"Content-Length is not {len(self.body)}: "
                             f"{raw!r}")
        number, _, self.method = self.get("cseq").partition(" ")
        self.cseq = int(number)
        self.is_request = not self.first.startswith("SIP/2.0 ")
        self.status = 0 if self.is_request else int(self.first.split()[1])

    def all(self, name):
        return [v for n, v in self.headers if n == name]

    def get(self, name):
        values = self.all(name)
        if not values:
            raise BadMessage(f"no {name}: {self.raw!r}")
        return values[0]

    def param(self, name, param):
        found = re.search(rf";{param}=([^;,>\s]+)", self.get(name))
        return found.group(1) if found else None

    @property
    def branch(self):
        return self.param("via", "branch")

    @property
    def call_id(self):
        return self.get("call-id")

    @property
    def contact(self):
        return re.search(r"<([^>]*)>", self.get("contact")).group(1)

    @property
    def name(self):
        """What a script calls it: INVITE, or 200 INVITE."""
        return self.method if self.is_request else \
            f"{self.status} {self.method}"


def build(first, headers, body=b"", content_type="application/sdp"):
    lines = [first] + [f"{name}: {value}" for name, value in headers]
    if body:
        lines.append(f"Content-Type: {content_type}")
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def cut(buffer):
    """(message, rest) of a stream's bytes, (None, buffer) when more is to
    come.  A CRLF between messages is a keep-alive and is dropped."""
    buffer = buffer.lstrip(b"\r\n")
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None, buffer
    length = re.search(rb"\r\ncontent-length: *(\d+)", buffer[:end].lower())
    if not length:
        raise BadMessage(f"no Content-Length: {buffer[:end]!r}")
    size = end + 4 + int(length.group(1))
    if len(buffer) < size:
        return None, buffer
    return buffer[:size], buffer[size:]


def sdp(host, port, version=1, direction="sendrecv"):
    return "\r\n".join([
        "v=0", f"o=- 4711 {version} IN IP4 {host}", "s=-",
        f"c=IN IP4 {host}", "t=0 0", f"m=audio {port} RTP/AVP 8 0 101",
        "a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15",
        f"a={direction}", ""]).encode()
