# SPDX-License-Identifier: Apache-2.0
"""The calls of the crash set: one script each, played by peers that wait for
everything that the pool says before they go on (support/ua.py).

A script is written for a caller and a callee, and played outbound (front end to
gateway) and inbound (gateway to front end), over UDP and over TCP.  To add one:
doc/how-to/add-a-crash-point.md."""

import copy

from support.ua import ScriptError


class Call:
    def __init__(self, name, script, both_ways=False, workers=1,
                 transports=("udp", "tcp"), pool_lines="", trunk_lines="",
                 number="1555", places=None, heirs="", sample=1,
                 is_slow=False):
        self.name, self.play, self.workers = name, script, workers
        self.transports = transports
        self.pool_lines, self.trunk_lines = pool_lines, trunk_lines
        self.number, self.both_ways = number, both_ways
        self.places = places  # who reads the caller, the callee; whose call
        self.heirs = heirs      # at which passages successors die
        self.sample = sample    # so many times fewer points than others
        self.is_slow = is_slow  # not in `make check`
        self.is_inbound = False

    def inbound(self):
        other = copy.copy(self)
        other.name, other.is_inbound = self.name + " inbound", True
        return other

    def prepare(self, run):
        """Which worker reads what, and whose the call is."""
        if not self.places:
            return
        caller_at, callee_at, book = self.places
        caller, callee = (run.gw, run.fe) if self.is_inbound else \
            (run.fe, run.gw)
        if run.transport == "tcp":  # of probes, by whom ever they were
            for peer in run.stage.peers:
                peer.hang_up_ways()
        caller.our_way = run.way_to(caller, caller_at)
        run.call_id = run.call_id_of(caller, caller_at, book)
        for peer in (callee, run.gw2):
            peer.answer_way = run.way_to(peer, callee_at)

    def script(self, run):
        caller, callee = (run.gw, run.fe) if self.is_inbound else \
            (run.fe, run.gw)
        self.play(Talk(run, self.number, caller, callee))

    def after(self, run):
        """One more call, over the other gateway: the pool is well.  Not when
        a slot is down by now: new calls are then of another book."""
        if self.heirs:
            return
        talk = Talk(run, "3555", run.fe, run.gw2)
        a, b = talk.up()
        talk.hang_up(a, b)


class Talk:
    """What a script works with."""

    def __init__(self, run, number, caller, callee):
        self.run, self.stage, self.number = run, run.stage, number
        self.caller, self.callee = caller, callee

    def leg(self):
        """The caller's, with the Call-ID of the worker that it shall be of."""
        call_id, self.run.call_id = self.run.call_id, None
        return self.caller.leg(call_id)

    def ring(self, offer=True):
        """A call as far as it rings: (caller's leg, callee's leg)."""
        a = self.leg()
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

    def scale(self, n):
        self.stage.rest()
        code, _, wrong = self.run.pool.ctl("scale", "signalling", str(n))
        if code:
            raise ScriptError(f"scale {n}: {wrong}")
        self.stage.rest()

    def hang_up(self, one, other):
        one.send("BYE")
        one.expect("200 BYE")
        other.expect("BYE")
        other.respond(200, "BYE")


# -- set-up ----------------------------------------------------------------

def basic(t):
    a, b = t.up()
    t.hang_up(a, b)


def busy(t):
    a, b = t.ring()
    b.respond(486)
    a.expect(486)
    b.expect("ACK")


def no_route(t):
    a = t.leg()
    a.invite("9")
    a.expect(100)
    a.expect(404)


def refused(t):
    a = t.leg()
    a.invite(t.number)
    b = t.callee.incoming()
    b.expect("INVITE")
    a.expect(100)
    b.respond(488)
    a.expect(488)
    b.expect("ACK")


def early_media(t):
    a = t.leg()
    a.invite(t.number)
    b = t.callee.incoming()
    b.expect("INVITE")
    a.expect(100)
    b.respond(183)
    a.expect(183)
    b.respond(180)
    a.expect(180)
    b.respond(200)
    a.expect(200)
    a.ack()
    b.expect("ACK")
    t.hang_up(b, a)


def late_offer(t):
    a, b = t.ring(offer=False)
    b.respond(200, offer=True)
    a.expect(200)
    a.ack(answer_sdp=True)
    b.expect("ACK")
    t.hang_up(a, b)


def no_answer(t):
    a, b = t.ring()
    a.expect(408)
    b.expect("CANCEL")
    b.respond(200, "CANCEL")
    b.respond(487)
    b.expect("ACK")


def ack_lost(t):
    a, b = t.ring()
    b.respond(200)
    a.expect(200)
    a.expect_again(200)
    a.ack()
    b.expect("ACK")
    t.hang_up(a, b)


def no_ack(t):
    """64*T1 without an ACK: both sides get a BYE."""
    a, b = t.ring()
    b.respond(200)
    a.expect(200)
    a.expect("BYE", timeout=45)
    a.respond(200, "BYE")
    b.expect("ACK")
    b.expect("BYE")
    b.respond(200, "BYE")


def repeats(t):
    """UDP: every request comes twice, and the callee's 200 as well."""
    a = t.leg()
    invite = a.invite(t.number)
    b = t.callee.incoming()
    b.expect("INVITE")
    a.expect(100)
    a.insist(invite, a, "100 INVITE")
    b.respond(180)
    a.expect(180)
    a.insist(invite, a, "180 INVITE")
    ok = b.respond(200)
    a.expect(200)
    ack = a.ack()
    b.expect("ACK")
    b.insist(ok, b, "ACK")
    a.say(ack)
    bye = a.send("BYE")
    a.expect("200 BYE")
    b.expect("BYE")
    a.insist(bye, a, "200 BYE")
    b.respond(200, "BYE")


# -- CANCEL ----------------------------------------------------------------

def end_cancelled(a, b):
    b.expect("CANCEL")
    b.respond(200, "CANCEL")
    b.respond(487)
    b.expect("ACK")
    a.expect(487)


def cancel_ringing(t):
    a, b = t.ring()
    a.cancel()
    a.expect("200 CANCEL")
    end_cancelled(a, b)


def cancel_trying(t):
    a = t.leg()
    a.invite(t.number)
    b = t.callee.incoming()
    b.expect("INVITE")
    a.expect(100)
    b.respond(100)
    a.cancel()
    a.expect("200 CANCEL")
    end_cancelled(a, b)


def cancel_before_100(t):
    """RFC 3261 9.1: CANCEL waits for the callee's first provisional."""
    a = t.leg()
    a.invite(t.number)
    b = t.callee.incoming()
    b.expect("INVITE")
    a.expect(100)
    a.cancel()
    a.expect("200 CANCEL")
    a.expect(487)
    b.respond(180)
    b.expect("CANCEL")
    b.respond(200, "CANCEL")
    b.respond(487)
    b.expect("ACK")


def cancel_overtaken(t):
    """The callee answers although it is cancelled: ACK and BYE."""
    a, b = t.ring()
    a.cancel()
    a.expect("200 CANCEL")
    a.expect(487)
    b.expect("CANCEL")
    b.respond(200, "CANCEL")
    b.respond(200)
    b.expect("ACK")
    b.expect("BYE")
    b.respond(200, "BYE")


def cancel_too_late(t):
    """The answer was passed when the CANCEL comes: the call is up."""
    a, b = t.ring()
    b.respond(200)
    a.expect(200)
    a.cancel()
    a.expect("200 CANCEL")
    a.ack()
    b.expect("ACK")
    t.hang_up(a, b)


# -- failover --------------------------------------------------------------

def second_answers(t, a):
    c = t.run.gw2.incoming()
    c.expect("INVITE")
    c.respond(180)
    a.expect(180)
    c.respond(200)
    a.expect(200)
    a.ack()
    c.expect("ACK")
    t.hang_up(a, c)


def failover_503(t):
    a = t.leg()
    a.invite(t.number)
    b = t.callee.incoming()
    b.expect("INVITE")
    a.expect(100)
    b.respond(503)
    b.expect("ACK")
    second_answers(t, a)


def failover_silent(t):
    t.callee.is_silent = True
    a = t.leg()
    a.invite(t.number)
    a.expect(100)
    second_answers(t, a)


def failover_refused(t):
    t.callee.hang_up_ways()
    t.callee.refuse()
    a = t.leg()
    a.invite(t.number)
    a.expect(100)
    second_answers(t, a)


def failover_time(t):
    a = t.leg()
    a.invite(t.number)
    b = t.callee.incoming()
    b.expect("INVITE")
    a.expect(100)
    b.respond(100)
    b.expect("CANCEL")
    b.respond(200, "CANCEL")
    b.respond(487)
    b.expect("ACK")
    second_answers(t, a)


def failover_late_200(t):
    """A try that was left answers after all: ACK and BYE."""
    a = t.leg()
    a.invite(t.number)
    b = t.callee.incoming()
    b.expect("INVITE")
    a.expect(100)
    c = t.run.gw2.incoming()
    c.expect("INVITE")
    c.respond(180)
    a.expect(180)
    b.respond(200)
    b.expect("ACK")
    b.expect("BYE")
    b.respond(200, "BYE")
    c.respond(200)
    a.expect(200)
    a.ack()
    c.expect("ACK")
    t.hang_up(a, c)


def all_refuse(t):
    a = t.leg()
    a.invite(t.number)
    b = t.callee.incoming()
    b.expect("INVITE")
    a.expect(100)
    b.respond(503, extra=[("Retry-After", "1")])
    b.expect("ACK")
    c = t.run.gw2.incoming()
    c.expect("INVITE")
    c.respond(500, extra=[("Reason", "Q.850;cause=34")])
    c.expect("ACK")
    a.expect(500)


# -- within the call -------------------------------------------------------

def reinvite(one, other, direction="sendrecv"):
    one.send("INVITE", one.sdp(direction))
    other.expect("INVITE")
    one.expect(100)
    other.respond(200)
    one.expect(200)
    one.ack()
    other.expect("ACK")


def hold(t):
    a, b = t.up()
    reinvite(a, b, "sendonly")
    reinvite(a, b)
    t.hang_up(a, b)


def hold_by_callee(t):
    a, b = t.up()
    reinvite(b, a, "sendonly")
    reinvite(b, a)
    t.hang_up(b, a)


def reinvite_refused(t):
    a, b = t.up()
    a.send("INVITE", a.sdp())
    b.expect("INVITE")
    a.expect(100)
    b.respond(180)
    a.expect(180)
    b.respond(488)
    b.expect("ACK")
    a.expect(488)
    t.hang_up(a, b)


def reinvite_cancelled(t):
    a, b = t.up()
    a.send("INVITE", a.sdp())
    b.expect("INVITE")
    a.expect(100)
    b.respond(180)
    a.expect(180)
    a.cancel()
    a.expect("200 CANCEL")
    end_cancelled(a, b)
    t.hang_up(a, b)


def reinvite_ack_lost(t):
    a, b = t.up()
    b.send("INVITE", b.sdp())
    a.expect("INVITE")
    b.expect(100)
    a.respond(200)
    b.expect(200)
    b.expect_again(200)
    b.ack()
    a.expect("ACK")
    t.hang_up(a, b)


def reinvite_late_offer(t):
    a, b = t.up()
    a.send("INVITE")
    b.expect("INVITE")
    a.expect(100)
    b.respond(200, offer=True)
    a.expect(200)
    a.ack(answer_sdp=True)
    b.expect("ACK")
    t.hang_up(a, b)


def glare(t):
    a, b = t.up()
    a.send("INVITE", a.sdp())
    b.expect("INVITE")
    a.expect(100)
    b.send("INVITE", b.sdp())
    b.expect(100)
    b.expect(491)
    b.respond(200)
    a.expect(200)
    a.ack()
    b.expect("ACK")
    t.hang_up(b, a)


def ask(one, other, method, **how):
    one.send(method, **how)
    other.expect(method)
    other.respond(200, method)
    one.expect(f"200 {method}")


def update(t):
    a, b = t.up()
    ask(a, b, "UPDATE", body=a.sdp("sendonly"))
    ask(b, a, "UPDATE", body=b.sdp())
    t.hang_up(a, b)


def update_early(t):
    a, b = t.ring()
    ask(a, b, "UPDATE", body=b"")
    b.respond(200)
    a.expect(200)
    a.ack()
    b.expect("ACK")
    t.hang_up(a, b)


def info(t):
    a, b = t.up()
    ask(a, b, "INFO", body=b"Signal=5\r\n",
        content_type="application/dtmf-relay")
    ask(b, a, "INFO", body=b"Signal=6\r\n",
        content_type="application/dtmf-relay")
    t.hang_up(a, b)


# -- BYE -------------------------------------------------------------------

def bye_by_callee(t):
    a, b = t.up()
    t.hang_up(b, a)


def bye_crossing(t):
    a, b = t.up()
    a.send("BYE")
    a.expect("200 BYE")
    b.expect("BYE")
    b.send("BYE")
    b.expect("200 BYE")
    b.respond(200, "BYE")


def bye_before_ack(t):
    """RFC 3261 15: the callee hangs up before the caller's ACK."""
    a, b = t.ring()
    b.respond(200)
    a.expect(200)
    b.send("BYE")
    b.expect("200 BYE")
    a.ack()
    a.expect("BYE")
    a.respond(200, "BYE")


def bye_with_open_reinvite(t):
    a, b = t.up()
    a.send("INVITE", a.sdp())
    b.expect("INVITE")
    a.expect(100)
    b.send("BYE")
    b.expect("200 BYE")
    a.expect("BYE")
    a.respond(200, "BYE")
    b.respond(487)
    b.expect("ACK")
    a.expect(487)


def too_long(t):
    a, b = t.up()
    a.expect("BYE")
    a.respond(200, "BYE")
    b.expect("BYE")
    b.respond(200, "BYE")


# -- connections -----------------------------------------------------------

def pieces(t):
    """INVITE in three pieces; ACK and BYE in one."""
    a = t.leg()
    invite = a.invite(t.number, is_held_back=True)
    a.say(invite[:20], invite[20:300], invite[300:])
    b = t.callee.incoming()
    b.expect("INVITE")
    a.expect(100)
    b.respond(180)
    a.expect(180)
    b.respond(200)
    a.expect(200)
    ack = a.send("ACK", cseq=a.cseq, is_held_back=True)
    bye = a.send("BYE", is_held_back=True)
    a.say(ack + bye)
    b.expect("ACK")
    b.expect("BYE")
    a.expect("200 BYE")
    b.respond(200, "BYE")


def two_at_once(t):
    """Two INVITEs in one turn, two answers in one turn, two BYEs."""
    a1, a2 = t.caller.leg(), t.caller.leg()
    a1.say(a1.invite(t.number, is_held_back=True)
           + a2.invite(t.number, is_held_back=True))
    b1, b2 = t.callee.incoming(), t.callee.incoming()
    for a, b in ((a1, b1), (a2, b2)):
        b.expect("INVITE")
        a.expect(100)
        b.respond(180)
        a.expect(180)
        b.respond(200)
        a.expect(200)
    a1.say(a1.send("ACK", cseq=1, is_held_back=True)
           + a2.send("ACK", cseq=1, is_held_back=True))
    b1.expect("ACK")
    b2.expect("ACK")
    a1.say(a1.send("BYE", is_held_back=True)
           + a2.send("BYE", is_held_back=True))
    for a, b in ((a1, b1), (a2, b2)):
        a.expect("200 BYE")
        b.expect("BYE")
        b.respond(200, "BYE")


def new_connection(t):
    """The pool has to connect to the callee."""
    t.callee.hang_up_ways()
    a, b = t.up()
    t.hang_up(a, b)


def caller_reconnects(t):
    """The caller's connection ends in the call; the BYE opens another."""
    a, b = t.up()
    t.caller.hang_up_ways()
    t.hang_up(b, a)


def callee_reconnects(t):
    a, b = t.up()
    t.callee.hang_up_ways()
    t.hang_up(a, b)


def lost_while_ringing(t):
    """The callee's connection ends while it rings; it answers over a new
    one."""
    a, b = t.ring()
    t.callee.hang_up_ways()
    b.way = t.callee.way()
    b.respond(200)
    a.expect(200)
    a.ack()
    b.expect("ACK")
    t.hang_up(b, a)


def bye_and_close(t):
    """BYE and the end of the stream in one."""
    a, b = t.up()
    a.stage.rest()
    a.send("BYE")
    a.way.shut()
    b.expect("BYE")
    b.respond(200, "BYE")
    a.expect("200 BYE")


# -- two workers -----------------------------------------------------------

def whole(t):
    """A bit of everything that may be read by the wrong worker."""
    a, b = t.up()
    reinvite(a, b, "sendonly")
    ask(b, a, "INFO", body=b"Signal=5\r\n",
        content_type="application/dtmf-relay")
    t.hang_up(b, a)


def lost_in_talk(t):
    """The caller's connection, which a sibling owns, ends in the call."""
    a, b = t.up()
    a.way.close()
    t.stage.rest()
    t.hang_up(b, a)


def moved(t):
    """The caller's connection is of ms1, the call of ms2, which is retired in
    the call and comes back: one process serves both books for a while."""
    a, b = t.up()
    t.scale(1)
    reinvite(a, b, "sendonly")
    ask(b, a, "INFO", body=b"Signal=5\r\n",
        content_type="application/dtmf-relay")
    t.scale(2)
    ask(a, b, "INFO", body=b"Signal=6\r\n",
        content_type="application/dtmf-relay")
    t.hang_up(b, a)


def two_in_one(t):
    """ACK and BYE in one segment, to be handed over."""
    a, b = t.ring()
    b.respond(200)
    a.expect(200)
    a.say(a.send("ACK", cseq=a.cseq, is_held_back=True)
          + a.send("BYE", is_held_back=True))
    b.expect("ACK")
    b.expect("BYE")
    a.expect("200 BYE")
    b.respond(200, "BYE")


TWO = {"number": "2555"}
TCP = {"transports": ("tcp",)}
WORKERS = {"workers": 2}
CALLS = [
    Call("basic", basic, both_ways=True),
    Call("busy", busy, both_ways=True),
    Call("no route", no_route),
    Call("refused", refused),
    Call("early media", early_media, both_ways=True),
    Call("late offer", late_offer, both_ways=True),
    Call("no answer", no_answer, pool_lines="no_answer_timeout = 1s"),
    Call("ACK lost", ack_lost),
    # over TCP the number of repeats in 32 s is a matter of milliseconds
    Call("no ACK", no_ack, sample=8, is_slow=True, transports=("udp",)),
    Call("repeats", repeats, transports=("udp",)),
    Call("CANCEL while ringing", cancel_ringing, both_ways=True),
    Call("CANCEL while trying", cancel_trying),
    Call("CANCEL before 100", cancel_before_100),
    Call("CANCEL overtaken by 200", cancel_overtaken),
    Call("CANCEL too late", cancel_too_late),
    Call("failover 503", failover_503, **TWO),
    Call("failover silent", failover_silent, **TWO,
         trunk_lines="trying_timeout = 400ms"),
    Call("failover refused", failover_refused, **TWO, **TCP),
    Call("failover time", failover_time, **TWO,
         trunk_lines="failover_time = 400ms"),
    Call("failover late 200", failover_late_200, **TWO,
         trunk_lines="trying_timeout = 400ms"),
    Call("all refuse", all_refuse, **TWO),
    Call("hold", hold, both_ways=True),
    Call("hold by callee", hold_by_callee),
    Call("re-INVITE refused", reinvite_refused),
    Call("re-INVITE cancelled", reinvite_cancelled),
    Call("re-INVITE ACK lost", reinvite_ack_lost),
    Call("re-INVITE late offer", reinvite_late_offer),
    Call("glare", glare),
    Call("UPDATE", update),
    Call("UPDATE early", update_early),
    Call("INFO", info),
    Call("BYE by callee", bye_by_callee),
    Call("BYE crossing", bye_crossing),
    Call("BYE before ACK", bye_before_ack),
    Call("BYE with open re-INVITE", bye_with_open_reinvite),
    Call("too long", too_long, pool_lines="max_call_duration = 1s"),
    Call("pieces", pieces, **TCP),
    Call("two at once", two_at_once, **TCP),
    Call("new connection", new_connection, both_ways=True, **TCP),
    Call("caller reconnects", caller_reconnects, **TCP),
    Call("callee reconnects", callee_reconnects, **TCP),
    Call("lost while ringing", lost_while_ringing, **TCP),
    Call("BYE and close", bye_and_close, both_ways=True, **TCP),
    # caller's input read by ms1, callee's by ms1, the call is ms2's
    Call("wrong worker", whole, **WORKERS, places=("ms1", "ms1", "ms2"),
         both_ways=True),
    Call("caller's worker wrong", whole, **WORKERS,
         places=("ms1", "ms2", "ms2")),
    Call("callee's worker wrong", whole, **WORKERS,
         places=("ms1", "ms2", "ms1")),
    Call("wrong worker busy", busy, **WORKERS,
         places=("ms1", "ms1", "ms2")),
    Call("wrong worker CANCEL", cancel_ringing, **WORKERS,
         places=("ms1", "ms1", "ms2")),
    Call("wrong worker CANCEL too late", cancel_too_late, **WORKERS,
         places=("ms1", "ms1", "ms2")),
    Call("wrong worker glare", glare, **WORKERS,
         places=("ms1", "ms1", "ms2")),
    Call("wrong worker failover", failover_503, **WORKERS, **TWO,
         places=("ms1", "ms1", "ms2")),
    Call("moved in the call", moved, **WORKERS,
         places=("ms1", "ms1", "ms2")),
    # its slot goes down after some 5 s, ms1 or ms2 goes on alone
    Call("left to a sibling", whole, **WORKERS, heirs=" 1" * 12, sample=4,
         is_slow=True, places=("ms1", "ms1", "ms2"),
         trunk_lines="trying_timeout = 8s\nfailover_time = 20s"),
    Call("wrong worker lost", lost_in_talk, **WORKERS, **TCP,
         places=("ms1", "ms1", "ms2")),
    Call("wrong worker two in one", two_in_one, **WORKERS, **TCP,
         places=("ms1", "ms1", "ms2")),
]
