# SPDX-License-Identifier: Apache-2.0
"""Two runs of the same calls, compared byte for byte (tests/crash).

What the pool draws at random (tags, branches, Call-IDs, session ids, ports of
media) gets a name in order of its first appearance; Content-Length was checked
against the body when the message was parsed and is then left out, since names
have other lengths.  Everything else must be equal: over UDP for each peer and
transaction, after repeats of the same bytes are removed; over TCP for each
connection from its first byte to its last."""

import difflib
import re

REPEAT_S = 0.45  # T1, but for what a machine is late


class Names:
    """A name for every random word, the same in every run."""

    def __init__(self):
        self.names = {}

    def of(self, kind, word):
        names = self.names.setdefault(kind, {})
        return f"<{kind}{names.setdefault(word, len(names) + 1)}>"


RANDOM = (
    (r"(?<=z9hG4bKm)([0-9a-f]{4})([0-9a-f]{12})([ab][0-9a-f]{4})"
     r"([0-9a-f]{24})", "call secret"),
    (r"(?<=tag=m)([0-9a-f]{4})([0-9a-f]{12})([ab])([0-9a-f]{24})",
     "call secret"),
    (r"(\r\nCall-ID: )([0-9a-f]{32})(\r)()", "id"),
    (r"(o=\S+ )(\d+)( \d+ IN )()", "session"),
    (r"(m=audio )(\d+)( )()", "port"),
    (r"(a=rtcp:)(\d+)()()", "rtcp"),
    (r"(;rport=)(2\d{4})()()", "source"),
    (r"(\r\nRetry-After: )(\d+)(\r)()", "seconds"),
)


def canonical(raw, net, names):
    text = raw.decode("utf-8", "backslashreplace").replace(net, "NET.")
    for pattern, kinds in RANDOM:
        first, _, second = kinds.partition(" ")

        def name(match):
            a, one, b, two = match.groups()
            if first == "call":  # each book counts for itself
                one = a + one
            return a + names.of(first, one) + b + \
                (names.of(second, two) if second else "")
        text = re.sub(pattern, name, text)
    # our own are drawn, 2 to 9 seconds; peers have ports that lead where
    # they are to lead
    text = re.sub(r"<(seconds|source)\d+>", r"<\1>", text)
    text = re.sub(r"(-of-ms\d+)-\d+", r"\1", text)
    return re.sub(r"\r\nContent-Length: \d+", "\r\nContent-Length: <n>", text)


def order(entry):
    """In which names are given: as things came, but datagrams, which may
    overtake each other, by their place in the dialog."""
    if entry.channel != "udp":
        return (entry.peer,)
    return (entry.peer, entry.message.cseq, entry.message.method)


class Repeats:
    """2xx to INVITE that came again when their timer wants it, over TCP, too
    (RFC 3261 13.3.1.4): a run that is slow has more of them.  One that comes
    sooner was sent twice."""

    def __init__(self, is_patient):
        self.last, self.least = {}, 0 if is_patient else REPEAT_S

    def has(self, key, entry, text):
        last = self.last.get((key, text))
        self.last[key, text] = entry.time
        return entry.message.name == "200 INVITE" and last is not None and \
            entry.time - last > self.least


def streams(record, net, is_patient=False):
    """{(peer, way[, transaction]): [message, …]}; is_patient: the owner of a
    connection is away for seconds, then what was repeated comes at once."""
    names, found, repeats = Names(), {}, Repeats(is_patient)
    for entry in sorted(record, key=order):
        if entry.channel == "udp" and entry.is_repeat:
            continue
        text = canonical(entry.message.raw, net, names)
        # connections that carried nothing are no part of the comparison
        key = (entry.peer, entry.channel if entry.channel == "udp"
               else names.of("connection ", entry.peer + entry.channel))
        if entry.channel == "udp":
            branch = re.search(r";branch=([^;\r]+)", text).group(1)
            key += (f"{branch} {entry.message.method}",)
        if not repeats.has(key, entry, text):
            found.setdefault(key, []).append(text)
    return found


def differences(base, other):
    """What is different, in words; nothing: equal."""
    found = []
    for key in sorted(set(base) | set(other)):
        mine, its = base.get(key, []), other.get(key, [])
        if mine == its:
            continue
        found.append(f"{' '.join(key)} got another stream:")
        lines = [f"{m}\n----\n".splitlines() for m in (
            "".join(mine), "".join(its))]
        found += [f"    {line}" for line in difflib.unified_diff(
            *lines, "undisturbed", "disturbed", n=2, lineterm="")]
    return found
