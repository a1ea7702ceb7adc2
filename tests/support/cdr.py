# SPDX-License-Identifier: Apache-2.0
"""Call records that a pool has written, of all files below a folder but those
of the run folder.

A line that is not whole is `torn`.  `doubled` counts what must never be: a
second record of a call's end, a second interim record of the same number, a
sequence of a book used twice."""

import collections
import csv
import json

INI = "\n[cdr]\ndirectory = {}\nformat = json\n"


class Records:
    def __init__(self, folder):
        self.all, self.torn, self.files = [], 0, 0
        for path in sorted(folder.glob("**/cdr*")):
            parts = path.relative_to(folder).parts
            if path.is_file() and "run" not in parts:
                self.files += 1
                self._read(path)
        self.ends = [r for r in self.all if r["record"] == "end"]

    def _read(self, path):
        text = path.read_text()
        self.torn += text != "" and not text.endswith("\n")
        if path.suffix == ".csv":
            self._read_csv(text)
        else:
            self._read_json(text)

    def _read_json(self, text):
        for line in text.splitlines():
            try:
                self.all.append(json.loads(line))
            except ValueError:
                self.torn += 1

    def _read_csv(self, text):
        rows = list(csv.reader(text.splitlines()))
        for row in rows[1:]:
            if len(row) == len(rows[0]):
                self.all.append(dict(zip(rows[0], map(value_of, row))))
            else:
                self.torn += 1

    def doubled(self):
        keys = collections.Counter(
            (r["call_uuid"], r["record"], r["interim"]) for r in self.all)
        keys.update((r["worker"], r["sequence"]) for r in self.all)
        return sum(n - 1 for n in keys.values())

    def ask(self, path):
        """lines, calls, interims, doubled, torn, files; COLUMN.VALUE: how many
        ended calls have it; first.COLUMN: the value in the first of them."""
        figures = {"lines": len(self.all), "calls": len(self.ends),
                   "interims": len(self.all) - len(self.ends),
                   "doubled": self.doubled(), "torn": self.torn,
                   "files": self.files}
        if path[0] in figures:
            return figures[path[0]]
        if path[0] in ("first", "last"):
            if not self.ends:
                return None
            return self.ends[0 if path[0] == "first" else -1][path[1]]
        wanted = ".".join(path[1:])
        return sum(text_of(r[path[0]]) == wanted for r in self.ends)


def value_of(text):
    """A number of a CSV file as a number; numbers with + are texts."""
    try:
        return text if text.startswith("+") else float(text)
    except ValueError:
        return text


def text_of(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)
