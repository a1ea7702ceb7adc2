# SPDX-License-Identifier: Apache-2.0
"""What a scenario may do (`step = …`) and compare (`expect = …`).

Steps are rows of STEPS; a comparison is `QUERY OPERATOR VALUE`, where a query
is a word of QUERIES with dots: status.calls.active, gateways.gw1.state,
counter.failovers, calls.count, calls.first.state, peer.gw1.invites, restarts,
http./ready, metrics.mspool_up.
Both return None when all is well, else what is wrong, in words."""

import json
import operator
import os
import pathlib
import re
import shlex
import signal
import shutil
import time
import urllib.error
import urllib.request

from support import exposition
from support.cdr import Records
from support.scenario import BadScenario, seconds

POLL_S = 0.02
OPERATORS = {"==": operator.eq, "!=": operator.ne, ">=": operator.ge,
             "<=": operator.le, ">": operator.gt, "<": operator.lt,
             "!~": lambda got, text: not re.search(text, str(got)),
             "~": lambda got, wanted: bool(re.search(wanted, str(got)))}


# -- queries ---------------------------------------------------------------

def dig(document, path):
    """Follows names, and for lists: an object's name or id, count, first."""
    for word in path:
        if isinstance(document, list):
            document = _in_list(document, word)
        elif isinstance(document, dict):
            document = document.get(word)
        else:
            return None
    return document


def _in_list(items, word):
    if word == "count":
        return len(items)
    if word in ("first", "last"):
        return items[0 if word == "first" else -1] if items else None
    if word.isdigit():
        return items[int(word)] if int(word) < len(items) else None
    for item in items:
        if isinstance(item, dict) and word in (item.get("name"),
                                               item.get("id")):
            return item
    return None


def ask_pool(run, path):
    return dig(run.pool.ask(path[0]), path[1:])


def ask_counter(run, path):
    return dig(run.pool.ask("status"), ["counters", *path[1:]])


def ask_show(run, path):
    """show.WORD…: of the first call."""
    calls = run.pool.ask("calls") or []
    if not calls:
        return None
    return dig(run.pool.ask("show", "call", calls[0]["id"]), path[1:])


def ask_restarts(run, path):
    return sum(w["restarts"] for w in run.pool.workers())


def ask_peer(run, path):
    return run.peers[path[1]].figures().get(path[2])


def ask_file(run, path):
    """file.NAME: the text of a log in the run's folder (log = pool.log)."""
    name = "pool.log" if path[1] == "log" else ".".join(path[1:])
    path = run.folder / name
    return path.read_text(errors="replace") if path.exists() else ""


def ask_events(run, path):
    """events.TEXT: how many events have that name."""
    events = run.pool.ask("events") or []
    return sum(path[1] in (e.get("event"), e.get("name")) for e in events)


def ask_cdr(run, path):
    """cdr.calls, cdr.doubled, cdr.result.busy, cdr.first.sip_code …"""
    return Records(run.folder).ask(path[1:])


def _http(run, path, accept):
    """(status, text) of the observer, (None, "") when it does not answer."""
    match = re.search(r"^\[metrics\].*?^listen *= *(\S+)",
                      run.config.read_text(), re.S | re.M)
    if not match:
        raise BadScenario("pool.ini has no [metrics] listen")
    request = urllib.request.Request(f"http://{match.group(1)}{path}",
                                     headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()
    except OSError:
        return None, ""


def ask_http(run, path):
    """http./PATH: the status of the observer's answer."""
    return _http(run, path[1], "*/*")[0]


def ask_metrics(run, path):
    """metrics.NAME{LABELS}: of both forms of the page, which must be good."""
    got = []
    for is_open, accept in ((True, "application/openmetrics-text"),
                            (False, "text/plain")):
        status, text = _http(run, "/metrics", accept)
        if status != 200:
            return None
        got.append(exposition.find(exposition.read(text, is_open),
                                   ".".join(path[1:])))
    return got[-1]


def ask_stored(run, path):
    """stored: how many descriptors the service manager keeps."""
    return run.pool.managed()[1]


QUERIES = {"status": ask_pool, "workers": ask_pool, "gateways": ask_pool,
           "frontends": ask_pool, "trunks": ask_pool, "calls": ask_pool,
           "counter": ask_counter, "restarts": ask_restarts,
           "peer": ask_peer, "file": ask_file, "show": ask_show,
           "events": ask_events, "cdr": ask_cdr, "http": ask_http,
           "metrics": ask_metrics, "stored": ask_stored}


def compare(run, line):
    """(is it so, what was got)"""
    match = re.fullmatch(r"(\S+) *(==|!=|!~|>=|<=|>|<|~) *(.*)", line)
    if not match:
        raise BadScenario(f"no comparison: '{line}'")
    query, sign, wanted = match.groups()
    path = query.split(".")
    if path[0] not in QUERIES:
        raise BadScenario(f"unknown query '{path[0]}'")
    got = QUERIES[path[0]](run, path)
    if isinstance(got, bool):
        got = "yes" if got else "no"
    if isinstance(got, (int, float)):
        wanted = float(wanted)
    elif sign in (">=", "<=", ">", "<"):
        return False, got
    elif "~" not in sign:
        got = "null" if got is None else str(got)
    return OPERATORS[sign](got, wanted), got


def expect(run, line, wait=0):
    deadline = time.monotonic() + wait
    while True:
        is_so, got = compare(run, line)
        if is_so:
            return None
        if time.monotonic() >= deadline:
            return f"got {str(got)[-300:]}"
        time.sleep(POLL_S)


# -- steps -----------------------------------------------------------------

def do_start(run, words):
    """start NAMES: peers; `start master` after `kill master` or `kill
    everybody`; `start again`: the manager does it (manager = yes)."""
    for name in words:
        if name == "master":
            run.pool.start(run.left())
        elif name == "again":
            run.pool.wait_restarted(run.left())
        else:
            run.start_peer(name)


def do_finish(run, words):
    for name in words:
        peer = run.peers[name]
        run.finish_peer(peer) if not peer.is_server else peer.end()


def do_until(run, words):
    """until QUERY OP VALUE: waits for it, as long as the case may last."""
    return expect(run, " ".join(words), wait=run.left())


def do_expect(run, words):
    return expect(run, " ".join(words))


def do_never(run, words):
    """never 500ms QUERY OP VALUE: it must not become so within that time."""
    end = time.monotonic() + seconds(words[0])
    while time.monotonic() < end:
        is_so, got = compare(run, " ".join(words[1:]))
        if is_so:
            return f"it became so: {got}"
        time.sleep(POLL_S)


def do_sleep(run, words):
    time.sleep(seconds(words[0]))


def do_kill(run, words):
    """kill ms1 [SIGNAL]: KILL unless said otherwise; `kill master ms1`: both
    at once, in this order; `kill everybody`: master and workers at once."""
    if words[0] == "everybody":
        run.pool.kill_everybody()
        return
    how = words.pop() if words[-1].isupper() else "KILL"
    run.pool.kill(words, how)


def do_restart(run, words):
    """restart: kill -9 of the whole pool, then a start."""
    run.pool.kill_everybody()
    run.pool.start(run.left())


def do_mkdir(run, words):
    (run.folder / words[0]).mkdir()


def do_rename(run, words):
    (run.folder / words[0]).rename(run.folder / words[1])


def do_write(run, words):
    """write FILE TEXT: into the run's folder."""
    (run.folder / words[0]).write_text(words[1] + "\n")


def do_signal(run, words):
    run.pool.signal(words[0])


def do_end_peer(run, words):
    """end gw1: the peer dies at once."""
    run.peers[words[0]].is_killed = True
    run.peers[words[0]].kill()


def do_ctl(run, words):
    """ctl [=CODE] WORDS…: mspoolctl; @CALL@ is the first call's id."""
    wanted = 0
    if words[0].startswith("="):
        wanted, words = int(words[0][1:]), words[1:]
    if "%CALL%" in words:
        calls = run.pool.ask("calls") or []
        if not calls:
            return "there is no call"
        words = [calls[0]["id"] if w == "%CALL%" else w for w in words]
    code, out, err = run.pool.ctl(*words)
    with open(run.folder / "ctl.out", "a") as log:
        log.write(f"$ mspoolctl {' '.join(words)}\n{out}{err}")
    if code != wanted:
        return f"exit {code}: {err.strip() or out.strip()}"


def _note(run, words, out, err):
    with open(run.folder / "ctl.out", "a") as log:
        log.write(f"$ mspoolctl {' '.join(words)}\n{out}{err}")


def do_ctl_of_other(run, words):
    """member|stranger [=CODE] WORDS…: mspoolctl as somebody who may not read
    the state, of the pool's group or of none."""
    who, wanted, words = words[0], 0, words[1:]
    if words[0].startswith("="):
        wanted, words = int(words[0][1:]), words[1:]
    if "%CALL%" in words:
        words = [run.pool.ask("calls")[0]["id"] if w == "%CALL%" else w
                 for w in words]
    code, out, err = run.pool.ctl_of_other(who == "member", *words)
    _note(run, [who, *words], out, err)
    if code != wanted:
        return f"exit {code}: {err.strip() or out.strip()}"


def do_follow(run, words):
    """follow DOING…: a member's `events -f` tells of it once, and ends well."""
    follower = run.pool.follower()
    lines, began = [], time.monotonic()
    for line in follower.stdout:
        lines.append(json.loads(line))
        if len(lines) == 1:
            run.pool.ctl(*words)
        if lines[-1]["event"] == words[0] or time.monotonic() > began + 10:
            break
    time.sleep(0.7)  # asked again once more: nothing is told twice
    follower.send_signal(signal.SIGINT)
    rest, _ = follower.communicate(timeout=10)
    lines += [json.loads(line) for line in rest.splitlines()]
    n = sum(line["event"] == words[0] for line in lines)
    if follower.returncode or n != 1:
        return f"exit {follower.returncode}, told {n} times: {lines}"


def shape(document):
    """What stays the same from one look to the next: keys, names, lengths."""
    if isinstance(document, dict):
        return {key: shape(value) for key, value in document.items()}
    if isinstance(document, list):
        return [shape(item) for item in document]
    is_figure = isinstance(document, (int, float))
    return "figure" if is_figure or document is None else document


def do_same(run, words):
    """same WORDS…: a member of the group sees what the pool's user sees, as a
    document and as text."""
    if "%CALL%" in words:
        calls = run.pool.ask("calls") or [{"id": "none"}]
        words = [calls[0]["id"] if w == "%CALL%" else w for w in words]
    _, plain, _ = run.pool.ctl(*words)
    code, out, err = run.pool.ctl_of_other(True, *words)
    _note(run, ["member", *words], out, err)
    if code or err or len(out.splitlines()) != len(plain.splitlines()):
        return f"exit {code}: {err.strip() or out.strip()}"
    code, out, err = run.pool.ctl_of_other(True, "--json", *words)
    if code or err:
        return f"exit {code} with --json: {err.strip()}"
    ours, theirs = shape(run.pool.ask(*words)), shape(json.loads(out))
    if ours != theirs:
        return f"{words}: the member sees {theirs}, we {ours}"


def do_config(run, words):
    """config FROM TO: replaces text in the running pool.ini."""
    text = run.config.read_text()
    if words[0] not in text:
        return f"'{words[0]}' does not stand in pool.ini"
    run.config.write_text(text.replace(words[0], words[1]))


def do_install(run, words):
    """install next: the programs of another build, under the names of those
    that run (tests/next/run); `install this`: back."""
    built = pathlib.Path(os.environ[f"MSPOOL_{words[0].upper()}"])
    for old in [p for p in run.programs.rglob("*") if p.is_file()]:
        fresh = old.with_suffix(".new")
        shutil.copy(built / old.relative_to(run.programs), fresh)
        fresh.rename(old)


def do_exit(run, words):
    """exit: the master has ended by itself."""
    run.pool.workers()
    run.pool.process.wait(run.left())


STEPS = {"start": do_start, "finish": do_finish, "until": do_until,
         "expect": do_expect, "never": do_never, "sleep": do_sleep,
         "kill": do_kill, "signal": do_signal, "end": do_end_peer,
         "ctl": do_ctl, "as": do_ctl_of_other, "same": do_same,
         "follow": do_follow,
         "config": do_config, "install": do_install, "exit": do_exit,
         "restart": do_restart, "mkdir": do_mkdir,
         "rename": do_rename, "write": do_write}


def take(run, line):
    verb, *words = shlex.split(line)
    if verb not in STEPS:
        raise BadScenario(f"unknown step '{verb}'")
    return STEPS[verb](run, words)
