# tests/soak/: calls while processes are killed at random.  `make check` has a
# minute of it, last of all since it takes longest; `make soak` has as much as is
# asked for: make soak SOAK_CALLS=100000 SOAK_KILLS=1000 SOAK_SECONDS=1500
check_PROGRAMS += tests/soakgen tests/soakstat
tests_soakgen_SOURCES = tests/soak/soakgen.c tests/soak/soakgen.h \
	tests/soak/books.c tests/soak/callee.c tests/soak/caller.c \
	tests/soak/message.c tests/soak/wire.c tests/soak/wire.h \
	tests/soak/kinds.def
tests_soakgen_LDADD = libsip.a libbase.a $(OSIP_LIBS) $(EVENT_LIBS)
tests_soakstat_SOURCES = tests/soak/soakstat.c
tests_soakstat_LDADD = libshm.a libbase.a $(LMDB_LIBS)
TESTS += tests/soak/minute
EXTRA_DIST += tests/soak

SOAK_CALLS = 6000
SOAK_KILLS = 60
SOAK_SECONDS = 100
SEED =
.PHONY: soak
soak: all tests/soakgen tests/soakstat
	$(top_srcdir)/tests/soak/run -b $(top_builddir) \
		--calls $(SOAK_CALLS) --kills $(SOAK_KILLS) \
		--seconds $(SOAK_SECONDS) $(if $(SEED),--seed $(SEED)) \
		$(SOAK_OPTIONS)
