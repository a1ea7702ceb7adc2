# tests/bench/: the generator of calls, and who drives it
EXTRA_PROGRAMS += tests/sipgen
tests_sipgen_SOURCES = tests/bench/sipgen.c tests/bench/sipgen_wire.c \
	tests/bench/sipgen_wire.h tests/bench/sipgen_media.c \
	tests/bench/sipgen_media.h
tests_sipgen_LDADD = libsip.a libbase.a $(OSIP_LIBS) $(EVENT_LIBS)
EXTRA_DIST += tests/bench/signalling tests/bench/signalling.d tests/bench/media-kill \
	tests/bench/respawn tests/bench/bench_pool.py

BENCHES += bench-signalling
.PHONY: bench-signalling
bench-signalling: all tests/sipgen
	$(top_srcdir)/tests/bench/signalling -b $(top_builddir)

# what a killed media worker costs
BENCHES += bench-media-kill
.PHONY: bench-media-kill
bench-media-kill: all tests/sipgen tests/rtpgen
	$(top_srcdir)/tests/bench/media-kill -b $(top_builddir)

# How long nobody serves a killed worker's calls
BENCHES += bench-respawn
.PHONY: bench-respawn
bench-respawn: all tests/sipgen
	$(top_srcdir)/tests/bench/respawn -b $(top_builddir)

# Single steps: what the pre-scan, a commit and a HANDOVER cost
EXTRA_PROGRAMS += tests/bench_handover
tests_bench_handover_SOURCES = tests/bench/bench_handover.c
tests_bench_handover_LDADD = libsip.a libshm.a libbase.a $(OSIP_LIBS) \
	$(LMDB_LIBS)
BENCHES += bench-steps
.PHONY: bench-steps
bench-steps: tests/bench_scan tests/bench_store tests/bench_handover
	tests/bench_scan
	tests/bench_store
	tests/bench_handover
