# mspool-worker, the signalling worker: a library that tests link, too, and main
pkglibexec_PROGRAMS += worker/mspool-worker
noinst_LIBRARIES += worker/libworker.a
worker_libworker_a_SOURCES = \
	worker/adopt.c worker/adopt.h \
	worker/answer.c \
	worker/call.c worker/call.h \
	worker/cdr.c worker/cdr.h \
	worker/connection.c \
	worker/departed.c worker/departed.h \
	worker/dispatch.c worker/dispatch.h \
	worker/evidence.c worker/evidence.h \
	worker/finish.c \
	worker/inbox.c worker/inbox.h \
	worker/intake.c worker/intake.h \
	worker/load.c worker/load.h \
	worker/machine.c worker/machine.h worker/machine.def \
	worker/media.c worker/media.h \
	worker/message.c worker/message.h worker/pass.def \
	worker/poison.c worker/poison.h \
	worker/position.c worker/position.h \
	worker/prober.c worker/prober.h \
	worker/quarantine.c worker/quarantine.h \
	worker/rejoin.c worker/rejoin.h \
	worker/reply.c \
	worker/server.c worker/server.h \
	worker/setup.c worker/setup.h \
	worker/steer.c \
	worker/talk.c \
	worker/tally.c worker/tally.h \
	worker/timers.c worker/timers.h \
	worker/transport.h \
	worker/turn.c worker/turn.h \
	worker/tx.c \
	worker/udp.c \
	worker/worker.h
worker_libworker_a_CFLAGS = $(AM_CFLAGS)
worker_mspool_worker_SOURCES = worker/mspool-worker.c
worker_mspool_worker_LDFLAGS = $(SANITIZE) $(LTO_LDFLAGS)
worker_mspool_worker_LDADD = worker/libworker.a libroute.a libsip.a \
	libshm.a libbase.a \
	$(PCRE2_LIBS) $(OSIP_LIBS) $(LMDB_LIBS) $(EVENT_LIBS)
