# SPDX-License-Identifier: Apache-2.0
"""The `scenario` file of a test: plain `key = value` lines, read into a
Scenario, and multiplied by its `transports` and `vary` lines into cases.

Called by tests/integration/run.  A key may stand several times; `peer`, `step`
and `expect` keep their order.  The trap: `@NAME@` is replaced in every value
after the case's addresses are known, so values here are still raw."""

import dataclasses
import itertools
import pathlib
import shlex

DEFAULT_TRANSPORTS = "udp/udp"
SINGLE = {"about": "", "workers": "1", "media": "1", "timeout": "40s",
          "capture": "no", "needs": "", "transports": DEFAULT_TRANSPORTS,
          "restarts": "0", "log_errors": "no", "pool_exit": "0",
          "manager": "no"}
MULTIPLE = ("peer", "step", "expect", "env", "vary")


class BadScenario(Exception):
    """A scenario file that says something we do not know."""


@dataclasses.dataclass
class Scenario:
    folder: pathlib.Path
    single: dict
    multiple: dict

    def __getitem__(self, key):
        return self.single[key]

    @property
    def name(self):
        return self.folder.name


@dataclasses.dataclass
class Case:
    """One run of a scenario: its transports and the values of @NAME@s."""
    scenario: Scenario
    front_transport: str
    gateway_transport: str
    is_ipv6: bool
    values: dict

    @property
    def name(self):
        six = "6" if self.is_ipv6 else ""
        words = [f"{self.front_transport}{six}/{self.gateway_transport}{six}"]
        words += [f"{k}={v}" for k, v in self.values.items()]
        return f"{self.scenario.name} [{' '.join(words)}]"


def seconds(text):
    """A duration as in pool.ini (500ms, 10s, 2m) in seconds."""
    for unit, factor in (("ms", 0.001), ("s", 1), ("m", 60)):
        if text.endswith(unit):
            return float(text[:-len(unit)]) * factor
    raise BadScenario(f"'{text}' is no duration")


def load(folder):
    single = dict(SINGLE)
    multiple = {key: [] for key in MULTIPLE}
    path = folder / "scenario"
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if equals and key in multiple:
            multiple[key].append(value)
        elif equals and key in single:
            single[key] = value
        else:
            raise BadScenario(f"{path}:{number}: unknown key '{key}'")
    return Scenario(folder, single, multiple)


def cases(scenario):
    """Every transport pair with every combination of the varied values."""
    names, choices = [], []
    for line in scenario.multiple["vary"]:
        name, _, values = line.partition(":")
        names.append(name.strip())
        choices.append(shlex.split(values))
    for pair in scenario["transports"].split():
        front, _, gateway = pair.partition("/")
        for combination in itertools.product(*choices):
            yield Case(scenario, front.rstrip("6"), gateway.rstrip("6"),
                       "6" in pair, dict(zip(names, combination)))
