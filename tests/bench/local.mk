# tests/bench/: the generator of calls, and who drives it
EXTRA_PROGRAMS += tests/sipgen
tests_sipgen_SOURCES = tests/bench/sipgen.c tests/bench/sipgen_wire.c \
	tests/bench/sipgen_wire.h tests/bench/sipgen_media.c \
	tests/bench/sipgen_media.h
tests_sipgen_LDADD = libsip.a libbase.a $(OSIP_LIBS) $(EVENT_LIBS)
EXTRA_DIST += tests/bench/signalling tests/bench/signalling.d tests/bench/media-kill

BENCHES += bench-signalling
.PHONY: bench-signalling
bench-signalling: all tests/sipgen
	$(top_srcdir)/tests/bench/signalling -b $(top_builddir)

# what a killed media worker costs
BENCHES += bench-media-kill
.PHONY: bench-media-kill
bench-media-kill: all tests/sipgen tests/rtpgen
	$(top_srcdir)/tests/bench/media-kill -b $(top_builddir)
