# SPDX-License-Identifier: Apache-2.0
"""Peers that do exactly what a script says, and write down every byte that
they get (tests/crash).

  Stage   sockets, time and the record of one run
  Peer    a front end or a gateway: one address, UDP or TCP
  Leg     a call as one peer sees it; what the script speaks to

Over UDP a peer does what every SIP peer does: it sends a request again until it
is answered, an answer when the request comes again, a final answer to INVITE
until its ACK.  Over TCP nothing is ever sent twice, so that what the pool loses
stays lost and fails the run.  Names, tags and branches are the same in every
run; only the pool's words differ."""

import heapq
import itertools
import selectors
import socket
import time

from support.ua_message import Message, build, cut, sdp

T1_S, T2_S, T64_S = 0.5, 4.0, 32.0
EXPECT_S = 10
SIP_PORT = 5060


class ScriptError(Exception):
    """What the script waited for did not come."""


class Entry:
    """One message that a peer got."""

    def __init__(self, peer, channel, message, is_repeat):
        self.peer, self.channel = peer.name, channel.label
        self.message, self.is_repeat = message, is_repeat
        self.time = time.monotonic()


class Stage:
    def __init__(self, net):
        self.net = net  # "127.x.y."
        self.selector = selectors.DefaultSelector()
        self.timers, self.order = [], itertools.count()
        self.record = []
        self.rest = lambda: None  # waits until the pool has nothing to do
        self.peers = []

    def close(self):
        for peer in self.peers:
            peer.close()
        self.selector.close()

    def after(self, delay, action):
        heapq.heappush(self.timers,
                       (time.monotonic() + delay, next(self.order), action))

    def turn(self, wait):
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            heapq.heappop(self.timers)[2]()
        if self.timers:
            wait = min(wait, max(0, self.timers[0][0] - now))
        for key, _ in self.selector.select(wait):
            key.data()

    def until(self, is_so, what, timeout=EXPECT_S):
        end = time.monotonic() + timeout
        while not is_so():
            if time.monotonic() > end:
                raise ScriptError(f"no {what} within {timeout} s")
            self.turn(0.05)

    def sleep(self, duration):
        end = time.monotonic() + duration
        while time.monotonic() < end:
            self.turn(max(0, end - time.monotonic()))


# -- ways ------------------------------------------------------------------

class Datagrams:
    """A bound UDP socket that sends to the pool."""

    label = "udp"
    is_reliable = False

    def __init__(self, peer, port):
        self.peer, self.port = peer, port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((peer.host, port))
        peer.stage.selector.register(self.socket, selectors.EVENT_READ,
                                     self.read)

    def send(self, data):
        self.socket.sendto(data, self.peer.pool)

    def read(self):
        while True:
            try:
                data = self.socket.recv(65536)
            except (BlockingIOError, ConnectionRefusedError):
                return
            self.peer.take(self, data)

    def close(self):
        self.peer.stage.selector.unregister(self.socket)
        self.socket.close()


class Connection:
    """A TCP connection, ours or the pool's.  One that the pool resets before
    it said anything was never there: a peer opens another and says it again
    (the instant between accept and HOLD, doc/decisions/0012)."""

    is_reliable = True

    def __init__(self, peer, label, its=None, port=0):
        self.peer, self.label, self.port = peer, label, port
        self.buffer, self.said, self.is_open = b"", [], True
        self.is_ours = its is None
        self.has_heard = self.is_closing = False
        self.socket = its or self._connect()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.stage.selector.register(self.socket, selectors.EVENT_READ,
                                     self.read)

    def _connect(self):
        its = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        its.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        its.bind((self.peer.host, self.port))
        its.connect(self.peer.pool)
        return its

    def send(self, data):
        self.said.append(data)
        try:
            self.socket.sendall(data)
        except (ConnectionResetError, BrokenPipeError):
            self._lost()

    def read(self):
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        except ConnectionResetError:
            self._lost()
            return
        if not data:
            self._lost()
            return
        self.buffer += data
        while True:
            message, self.buffer = cut(self.buffer)
            if message is None:
                return
            self.peer.take(self, message)

    def _lost(self):
        was_open, self.is_open = self.is_open, False
        if not was_open:
            return
        self.peer.stage.selector.unregister(self.socket)
        self.socket.close()
        if not self.is_ours or self.has_heard or self.is_closing:
            return
        self.socket = self._connect()
        self.is_open = True
        self.socket.setblocking(False)
        self.peer.stage.selector.register(self.socket, selectors.EVENT_READ,
                                          self.read)
        for data in self.said:
            self.socket.sendall(data)

    def shut(self):
        """No more from us; what the pool still says is heard."""
        self.is_closing = True
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.is_closing = True
        if self.is_open:
            self.is_open = False
            self.peer.stage.selector.unregister(self.socket)
            self.socket.close()


# -- peers -----------------------------------------------------------------

class Again:
    """Something that is sent again until it is stopped."""

    def __init__(self, stage, way, data, cap):
        self.way, self.data, self.cap = way, data, cap
        self.stage, self.wait, self.is_over = stage, T1_S, way.is_reliable
        self.until = time.monotonic() + T64_S
        if not self.is_over:
            stage.after(self.wait, self.fire)

    def fire(self):
        if self.is_over or time.monotonic() > self.until:
            return
        self.way.send(self.data)
        self.wait = min(self.wait * 2, self.cap)
        self.stage.after(self.wait, self.fire)


class Peer:
    def __init__(self, stage, name, number, transport, pool):
        self.stage, self.name, self.transport = stage, name, transport
        self.host = f"{stage.net}{number}"
        self.pool = pool  # (host, port)
        self.numbers, self.ports = itertools.count(1), itertools.count(1)
        self.ways, self.legs, self.seen = [], {}, set()
        self.asked, self.served = {}, {}
        self.new_calls = []
        self.is_silent = False  # hears nothing but OPTIONS
        self.n_probed = 0
        self.listener = self.our_way = None
        self.answer_way = None  # from which calls are answered, if not as usual
        stage.peers.append(self)
        if transport == "udp":
            self.our_way = self.way(SIP_PORT)
        else:
            self.listen()

    def listen(self):
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((self.host, SIP_PORT))
        self.listener.listen(16)
        self.listener.setblocking(False)
        self.stage.selector.register(self.listener, selectors.EVENT_READ,
                                     self._accept)

    def refuse(self):
        """Nobody listens any more (TCP)."""
        if self.listener:
            self.stage.selector.unregister(self.listener)
            self.listener.close()
            self.listener = None

    def hang_up_ways(self):
        """Every connection of this peer ends."""
        self.stage.rest()
        for way in self.ways:
            way.close()
        self.stage.rest()

    def _accept(self):
        its, _ = self.listener.accept()
        n = sum(not way.is_ours for way in self.ways if way.is_reliable)
        self.ways.append(Connection(self, f"tcp-in-{n + 1}", its))

    def way(self, port=0):
        """A new socket or connection of ours to the pool, from a port that
        was not used yet."""
        n = next(self.ports)
        if self.transport == "udp":
            way = Datagrams(self, port or 20000 + n)
        else:
            way = Connection(self, f"tcp-out-{n}", port=20000 + n)
        self.ways.append(way)
        return way

    def close(self):
        self.refuse()
        for way in self.ways:
            way.close()

    @property
    def way_out(self):
        way = self.our_way
        if not way or (way.is_reliable and
                       (way.is_closing or not way.is_open)):
            self.our_way = self.way()
        return self.our_way

    # -- what comes in -----------------------------------------------------

    def take(self, way, data):
        if not data:
            raise AssertionError(f"{self.host} got an empty datagram")
        if not data.strip():
            return
        message = Message(data)
        if message.is_request and message.method == "OPTIONS":
            self.n_probed += 1
            way.send(answer(message, 200, self))
            return
        if self.is_silent:
            return
        if way.is_reliable:
            way.has_heard = True
        is_repeat = not way.is_reliable and data in self.seen
        self.seen.add(data)
        self.stage.record.append(Entry(self, way, message, is_repeat))
        if message.is_request:
            self._request(way, message, is_repeat)
        else:
            self._response(way, message, is_repeat)

    def _request(self, way, message, is_repeat):
        key = (message.branch, message.method)
        if message.method == "ACK":
            for served in (self.served.get((message.branch, "INVITE")),
                           self.served.get((message.call_id, message.cseq))):
                if served:
                    served.is_over = True
        elif is_repeat or (not way.is_reliable and key in self.served):
            if self.served.get(key):
                way.send(self.served[key].data)
            return
        else:
            self.served[key] = None
        self._deliver(way, message, is_repeat)

    def _response(self, way, message, is_repeat):
        asked = self.asked.get((message.branch, message.method))
        if asked and (message.status >= 200 or message.method == "INVITE"):
            asked.is_over = True
        self._deliver(way, message, is_repeat)

    def _deliver(self, way, message, is_repeat):
        leg = self.legs.get(message.call_id)
        if not leg and message.is_request and message.method == "INVITE":
            leg = Leg(self, way, message.call_id)
            self.new_calls.append(leg)
        if leg:
            leg.take(way, message, is_repeat)

    # -- what the script says ----------------------------------------------

    def stray(self, method, call_id, hops=70):
        """A request that makes no call."""
        host, port = self.pool
        us = f"<sip:{self.name}@{self.host}>;tag=stray"
        return build(f"{method} sip:{host}:{port} SIP/2.0", [
            ("Via", f"SIP/2.0/{self.transport.upper()} {self.host}:{SIP_PORT}"
                    f";branch=z9hG4bK-{call_id};rport"),
            ("Max-Forwards", str(hops)), ("From", us),
            ("To", f"<sip:{host}:{port}>"), ("Call-ID", call_id),
            ("CSeq", f"1 {method}"), ("Contact", f"<sip:{self.host}>")])

    def leg(self, call_id=None):
        """A call that this peer is going to make."""
        call_id = call_id or f"{self.name}-{next(self.numbers)}"
        return Leg(self, self.way_out, call_id)

    def incoming(self, timeout=EXPECT_S):
        self.stage.until(lambda: self.new_calls, f"INVITE at {self.name}",
                         timeout)
        leg = self.new_calls.pop(0)
        leg.own_way = self.answer_way
        leg.way = leg.own_way or leg.way
        return leg


def answer(request, status, peer, tag=None, contact=None, body=b"",
           extra=()):
    """The bytes of an answer to a request."""
    to = request.get("to")
    if tag and ";tag=" not in to:
        to += f";tag={tag}"
    headers = [("Via", via) for via in request.all("via")]
    headers += [("Record-Route", rr) for rr in request.all("record-route")]
    headers += [("From", request.get("from")), ("To", to),
                ("Call-ID", request.call_id), ("CSeq", request.get("cseq"))]
    if contact:
        headers.append(("Contact", f"<{contact}>"))
    reasons = {100: "Trying", 180: "Ringing", 183: "Session Progress",
               200: "OK", 486: "Busy Here", 487: "Request Terminated",
               488: "Not Acceptable Here", 491: "Request Pending",
               503: "Service Unavailable"}
    return build(f"SIP/2.0 {status} {reasons.get(status, 'Status')}",
                 headers + list(extra), body)


# -- calls -----------------------------------------------------------------

class Leg:
    def __init__(self, peer, way, call_id):
        self.peer, self.way, self.call_id = peer, way, call_id
        self.own_way = None  # if not the one that the pool speaks on
        self.stage = peer.stage
        self.inbox, self.again = [], []
        self.n = len(peer.legs) + 1
        self.cseq, self.sdp_version, self.branches = 0, 0, itertools.count(1)
        self.tag = f"{peer.name}-tag-{self.n}"
        self.us, self.them = None, None  # From and To of our requests
        self.target = None               # Contact of the pool
        self.request, self.invite_sent = None, None
        self.requests = {}               # the latest of each method
        self.last_ack = {}               # by CSeq: for 2xx that come again
        peer.legs[call_id] = self

    # -- what comes in -----------------------------------------------------

    def take(self, way, message, is_repeat):
        if is_repeat:
            self.again.append(message)
            if message.name == "200 INVITE" and \
                    message.cseq in self.last_ack:
                self.way.send(self.last_ack[message.cseq])
            if message.status >= 300 and message.method == "INVITE":
                self._ack_refusal(message)
            return
        if message.is_request:
            self.way = self.own_way or way
            self.requests[message.method] = message
            if not self.us:
                self.us = message.get("to") + f";tag={self.tag}"
                self.them = message.get("from")
        elif message.status > 100 and ";tag=" not in self.them:
            self.them = message.get("to")
        if message.all("contact"):
            self.target = message.contact
        self.inbox.append(message)
        if message.status >= 300 and message.method == "INVITE":
            self._ack_refusal(message)

    def expect(self, what, timeout=EXPECT_S):
        """The next message of that name: "INVITE", "200 BYE", or a number
        (then of an INVITE)."""
        name = f"{what} INVITE" if isinstance(what, int) else what
        found = []

        def is_there():
            found[:] = [m for m in self.inbox if m.name == name]
            return found
        self.stage.until(is_there, f"{name} at {self.peer.name} "
                         f"(there is {[m.name for m in self.inbox]})",
                         timeout)
        self.inbox.remove(found[0])
        return found[0]

    def expect_again(self, what, timeout=EXPECT_S):
        """Over UDP the same bytes again, over TCP one more of that name."""
        if self.way.is_reliable:
            return self.expect(what, timeout)
        name = f"{what} INVITE" if isinstance(what, int) else what
        self.stage.until(lambda: any(m.name == name for m in self.again),
                         f"{name} again at {self.peer.name}", timeout)

    def insist(self, data, other, what):
        """UDP: says the same bytes until the other leg gets `what` again, as
        a peer does that misses it."""
        n = len(other.again)
        for _ in range(8):
            self.say(data)
            end = time.monotonic() + T1_S
            while time.monotonic() < end:
                self.stage.turn(0.01)
                if any(m.name == what for m in other.again[n:]):
                    return
        raise ScriptError(f"no {what} again at {other.peer.name}")

    # -- requests ----------------------------------------------------------

    @property
    def contact(self):
        more = ";transport=tcp" if self.peer.transport == "tcp" else ""
        return f"sip:{self.peer.name}@{self.peer.host}:{SIP_PORT}{more}"

    def sdp(self, direction="sendrecv"):
        self.sdp_version += 1
        return sdp(self.peer.host, 30000 + 2 * self.n, self.sdp_version,
                   direction)

    def _branch(self):
        return (f"z9hG4bK-{self.peer.name}-{self.n}-"
                f"{next(self.branches)}")

    def _write(self, method, cseq, branch, body=b"", extra=(), them=None,
               content_type="application/sdp"):
        way = self.peer.transport.upper()
        headers = [("Via", f"SIP/2.0/{way} {self.peer.host}:{SIP_PORT}"
                           f";branch={branch};rport"),
                   ("Max-Forwards", "70"), ("From", self.us),
                   ("To", them or self.them), ("Call-ID", self.call_id),
                   ("CSeq", f"{cseq} {method}")]
        if method in ("INVITE", "UPDATE"):
            headers.append(("Contact", f"<{self.contact}>"))
        return build(f"{method} {self.target} SIP/2.0",
                     headers + list(extra), body, content_type)

    def send(self, method, body=b"", extra=(), branch=None, cseq=None,
             content_type="application/sdp", is_held_back=False):
        """Sends a request as soon as the pool has done what it had to; or
        only makes it, for say()."""
        self.stage.rest()
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        branch = branch or self._branch()
        data = self._write(method, cseq, branch, body, extra,
                           content_type=content_type)
        if method == "INVITE":
            self.invite_sent = (branch, cseq, self.target, self.them)
        if is_held_back:
            return data
        self.way.send(data)
        if method != "ACK":
            self.peer.asked[branch, method] = Again(
                self.stage, self.way, data,
                T64_S if method == "INVITE" else T2_S)
        return data

    def invite(self, number, offer=True, extra=(), is_held_back=False):
        host, port = self.peer.pool
        self.us = (f"<sip:+49{self.peer.name[-1]}@{self.peer.host}>"
                   f";tag={self.tag}")
        self.them = f"<sip:{number}@{host}:{port}>"
        self.target = f"sip:{number}@{host}:{port}"
        return self.send("INVITE", self.sdp() if offer else b"", extra,
                         is_held_back=is_held_back)

    def ack(self, answer_sdp=False):
        """Of the 2xx to our latest INVITE."""
        _, cseq, _, _ = self.invite_sent
        data = self.send("ACK", self.sdp() if answer_sdp else b"",
                         cseq=cseq)
        self.last_ack[cseq] = data
        return data

    def _ack_refusal(self, message):
        branch, cseq, target, them = self.invite_sent
        now, self.target = self.target, target
        self.way.send(self._write("ACK", cseq, branch,
                                  them=message.get("to")))
        self.target = now

    def cancel(self):
        """Of our latest INVITE: its branch, its CSeq, its To."""
        branch, cseq, target, them = self.invite_sent
        now, self.target, self.them = (self.target, self.them), target, them
        self.send("CANCEL", branch=branch, cseq=cseq)
        self.target, self.them = now

    def say(self, *pieces):
        """Bytes of the script's own making, over TCP as many segments."""
        for piece in pieces:
            self.stage.rest()
            self.way.send(piece)

    # -- answers -----------------------------------------------------------

    def respond(self, status, what="INVITE", offer=None, extra=()):
        """Answers the latest request of that method.  offer: SDP or not; the
        default is SDP in 183 and 200 to what had some."""
        self.stage.rest()
        request = self.requests[what]
        if offer is None:
            offer = status in (183, 200) and bool(request.body) and \
                what in ("INVITE", "UPDATE")
        direction = "recvonly" if b"a=sendonly" in request.body else \
            "sendrecv"
        data = answer(request, status, self.peer,
                      tag=self.tag if status > 100 else None,
                      contact=self.contact if what == "INVITE"
                      and status > 100 else None,
                      body=self.sdp(direction) if offer else b"",
                      extra=extra)
        self.way.send(data)
        once = Again(self.stage, self.way, data, T2_S)
        if what != "INVITE" or status < 200:
            once.is_over = True
        old = self.peer.served.get((request.branch, what))
        if old:
            old.is_over = True
        self.peer.served[request.branch, what] = once
        if what == "INVITE" and status >= 200:
            self.peer.served[self.call_id, request.cseq] = once
        return data
