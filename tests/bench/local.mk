# tests/bench/: the generator of calls, and who drives it
EXTRA_PROGRAMS += tests/sipgen
tests_sipgen_SOURCES = tests/bench/sipgen.c tests/bench/sipgen_wire.c \
	tests/bench/sipgen_wire.h
tests_sipgen_LDADD = libsip.a libbase.a $(OSIP_LIBS) $(EVENT_LIBS)
EXTRA_DIST += tests/bench/signalling tests/bench/signalling.d

BENCHES += bench-signalling
.PHONY: bench-signalling
bench-signalling: all tests/sipgen
	$(top_srcdir)/tests/bench/signalling -b $(top_builddir)
