# SPDX-License-Identifier: Apache-2.0
"""The calls of the crash set: one script each, played by peers that wait for
everything that the pool says before they go on (support/ua.py).

A script is written for a caller and a callee, and played outbound (front end to
gateway) and inbound (gateway to front end), over UDP and over TCP.  To add one:
doc/how-to/add-a-crash-point.md."""


class Call:
    def __init__(self, name, script, both_ways=False, workers=1,
                 transports=("udp", "tcp"), pool_lines="", trunk_lines="",
                 number="1555", is_slow=False):
        self.name, self.play, self.workers = name, script, workers
        self.transports = transports
        self.pool_lines, self.trunk_lines = pool_lines, trunk_lines
        self.number, self.both_ways = number, both_ways
        self.is_slow = is_slow
        self.is_inbound = False

    def inbound(self):
        other = Call(self.name + " inbound", self.play, False, self.workers,
                     self.transports, self.pool_lines, self.trunk_lines,
                     self.number, self.is_slow)
        other.is_inbound = True
        return other

    def script(self, run):
        caller, callee = (run.gw, run.fe) if self.is_inbound else \
            (run.fe, run.gw)
        self.play(Talk(run, self.number, caller, callee))

    def after(self, run):
        """One more call, over the other gateway: the pool is well."""
        talk = Talk(run, "3555", run.fe, run.gw2)
        a, b = talk.up()
        talk.hang_up(a, b)


class Talk:
    """What a script works with."""

    def __init__(self, run, number, caller, callee):
        self.run, self.stage, self.number = run, run.stage, number
        self.caller, self.callee = caller, callee

    def ring(self, offer=True):
        """A call as far as it rings: (caller's leg, callee's leg)."""
        a = self.caller.leg()
        a.invite(self.number, offer)
        b = self.callee.incoming()
        b.expect("INVITE")
        a.expect(100)
        b.respond(180)
        a.expect(180)
        return a, b

    def up(self, offer=True):
        """A call that talks."""
        a, b = self.ring(offer)
        b.respond(200)
        a.expect(200)
        a.ack()
        b.expect("ACK")
        return a, b

    def hang_up(self, one, other):
        one.send("BYE")
        one.expect("200 BYE")
        other.expect("BYE")
        other.respond(200, "BYE")


def basic(t):
    a, b = t.up()
    t.hang_up(a, b)


CALLS = [
    Call("basic", basic, both_ways=True),
]
