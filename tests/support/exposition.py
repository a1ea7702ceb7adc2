# SPDX-License-Identifier: Apache-2.0
"""Reads a page of metrics, strictly: what OpenMetrics 1.0 (and the older text
format 0.0.4) forbids in a page of ours is an error here, so that a scenario
needs no Prometheus to know that one would take it."""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL},?)*)\}})? (\S+)")
TYPES = ("counter", "gauge", "histogram")
SUFFIXES = {"gauge": ("",), "counter": ("_total",),
            "histogram": ("_bucket", "_sum", "_count")}


class BadPage(Exception):
    pass


class Family:
    def __init__(self, name, kind):
        self.name, self.kind = name, kind
        self.samples = {}  # (name, labels) -> value


def _number(text):
    if text in ("+Inf", "-Inf", "NaN"):
        return float(text)
    if not re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", text):
        raise BadPage(f"no number: {text}")
    return float(text)


def _check_histogram(family):
    rows = {}
    for (name, labels), value in family.samples.items():
        plain = tuple(l for l in labels if l[0] != "le")
        le = dict(labels).get("le")
        rows.setdefault(plain, {})[(name[len(family.name):], le)] = value
    for plain, row in rows.items():
        buckets = [(float(le), v) for (s, le), v in row.items()
                   if s == "_bucket"]
        values = [v for _, v in sorted(buckets)]
        if values != sorted(values) or not buckets:
            raise BadPage(f"{family.name}{plain}: buckets fall")
        if [b for b, _ in buckets] != sorted(b for b, _ in buckets):
            raise BadPage(f"{family.name}{plain}: bounds out of order")
        if max(buckets)[0] != float("inf"):
            raise BadPage(f"{family.name}{plain}: no +Inf")
        if row.get(("_count", None)) != values[-1] or \
                ("_sum", None) not in row:
            raise BadPage(f"{family.name}{plain}: count or sum is wrong")


def _check_family(family):
    if family.kind == "histogram":
        _check_histogram(family)
    if family.kind == "counter":
        for key, value in family.samples.items():
            if value < 0:
                raise BadPage(f"{key}: a counter below nought")
    names = {tuple(sorted(n for n, _ in labels if n != "le"))
             for _, labels in family.samples}
    if len(names) > 1:
        raise BadPage(f"{family.name}: labels differ: {names}")


class _Reader:
    def __init__(self, is_open):
        self.is_open, self.families, self.family = is_open, {}, None
        self.helped = set()

    def comment(self, line):
        match = re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line)
        if not match:
            raise BadPage(f"no comment of ours: {line}")
        word, name, rest = match.groups()
        if word == "HELP":
            if name in self.helped:
                raise BadPage(f"{name}: described twice")
            self.helped.add(name)
            return
        if name in self.families or name not in self.helped:
            raise BadPage(f"{name}: TYPE twice, or without HELP")
        if rest not in TYPES:
            raise BadPage(f"{name}: unknown type {rest}")
        if not self.is_open and rest == "counter":
            if not name.endswith("_total"):
                raise BadPage(f"{name}: a counter ends in _total")
            name = name[:-len("_total")]
        self.family = self.families[name] = Family(name, rest)

    def sample(self, line):
        match = SAMPLE.fullmatch(line)
        if not match or not self.family:
            raise BadPage(f"no sample: {line}")
        name, labels = match.group(1), match.group(2) or ""
        pairs = tuple(re.findall(LABEL, labels))
        if len({n for n, _ in pairs}) != len(pairs):
            raise BadPage(f"a label twice: {line}")
        allowed = [self.family.name + s for s in SUFFIXES[self.family.kind]]
        if name not in allowed:
            raise BadPage(f"{name}: not of family {self.family.name}")
        if (name, pairs) in self.family.samples:
            raise BadPage(f"twice: {line}")
        self.family.samples[(name, pairs)] = _number(match.group(5))


def read(text, is_open):
    """{family name: Family}; BadPage."""
    if not text.endswith("\n"):
        raise BadPage("no line feed at the end")
    lines = text.splitlines()
    if is_open:
        if lines[-1] != "# EOF":
            raise BadPage("no # EOF")
        lines.pop()
    reader = _Reader(is_open)
    for line in lines:
        (reader.comment if line.startswith("#") else reader.sample)(line)
    for family in reader.families.values():
        _check_family(family)
    return reader.families


def find(families, query):
    """The sum of the samples that have at least the labels of
    NAME{a=b,…}, None when there is none."""
    match = re.fullmatch(rf"({NAME})(?:\{{(.*)\}})?", query)
    if not match:
        raise BadPage(f"no query: {query}")
    wanted = {tuple(pair.split("=", 1))
              for pair in (match.group(2) or "").split(",") if pair}
    found = [v for f in families.values()
             for (name, labels), v in f.samples.items()
             if name == match.group(1) and wanted <= set(labels)]
    return sum(found) if found else None
