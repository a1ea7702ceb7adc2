# master/: mspoold
sbin_PROGRAMS += master/mspoold
# Without main(), so that tests can link the parts.
noinst_LIBRARIES += master/libmaster.a
master_libmaster_a_SOURCES = \
	master/background.c master/background.h \
	master/boot.c master/boot.h \
	master/control.c master/control.h \
	master/format.c master/format.h \
	master/fdstore.c master/fdstore.h \
	master/handed.c master/handed.h \
	master/helpers.c master/helpers.h \
	master/holds.c master/holds.h \
	master/inbox.c master/inbox.h \
	master/logfile.c master/logfile.h \
	master/master.c master/master.h master/run.h \
	master/memfd.c master/memfd.h \
	master/notify.c master/notify.h \
	master/owners.c master/owners.h \
	master/reload.c master/reload.h \
	master/rings.c master/rings.h \
	master/rollback.c master/rollback.h \
	master/scale.c master/scale.h \
	master/simulators.c master/simulators.h \
	master/slots.c master/slots.h \
	master/sockets.c master/sockets.h \
	master/spawn.c master/spawn.h \
	master/start.c master/start.h \
	master/stop.c master/stop.h \
	master/survivors.c master/survivors.h \
	master/supervise.c master/supervise.def master/supervise.h \
	master/upgrade.c master/upgrade.h \
	master/verbs.c master/verbs.h
master_libmaster_a_CFLAGS = $(AM_CFLAGS)
master_mspoold_SOURCES = master/mspoold.c
master_mspoold_LDADD = master/libmaster.a libroute.a libshm.a libbase.a \
	$(PCRE2_LIBS) $(LMDB_LIBS) $(EVENT_LIBS)
