# media/: its parts, and the whole program in a rig
if HAVE_CRITERION
check_PROGRAMS += tests/unit_media tests/process_media tests/process_media_kill
TESTS += tests/unit_media tests/process_media tests/process_media_kill
endif
EXTRA_PROGRAMS += tests/rtpgen tests/media_harness
tests_unit_media_SOURCES = tests/unit/test_engine.c \
	tests/unit/test_figures.c tests/unit/test_inactivity.c \
	tests/unit/test_pace.c tests/unit/test_payload.c \
	tests/unit/test_ports.c tests/unit/test_source.c
tests_unit_media_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
tests_unit_media_LDADD = media/libmedia.a librtp.a libshm.a libbase.a \
	$(URING_LIBS) $(LMDB_LIBS) $(EVENT_LIBS) $(CRITERION_LIBS)
tests_process_media_SOURCES = tests/unit/test_mspool_media.c \
	tests/support/media_rig.c tests/support/media_rig.h
tests_process_media_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
tests_process_media_LDADD = librtp.a libshm.a libbase.a $(LMDB_LIBS) \
	$(EVENT_LIBS) $(CRITERION_LIBS)
tests_process_media_kill_SOURCES = tests/unit/test_media_kill.c \
	tests/support/media_rig.c tests/support/media_rig.h
tests_process_media_kill_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
tests_process_media_kill_LDADD = librtp.a libshm.a libbase.a $(LMDB_LIBS) \
	$(EVENT_LIBS) $(CRITERION_LIBS)
tests_media_harness_SOURCES = tests/bench/media_harness.c \
	tests/support/media_rig.c tests/support/media_rig.h
tests_media_harness_LDADD = libshm.a libbase.a $(LMDB_LIBS) $(EVENT_LIBS)
tests_rtpgen_SOURCES = tests/bench/rtpgen.c tests/bench/ng.c tests/bench/ng.h
tests_rtpgen_LDADD = librtp.a libbase.a
EXTRA_DIST += tests/bench/media

BENCHES += bench-media
.PHONY: bench-media
bench-media: tests/rtpgen tests/media_harness media/mspool-media
	$(top_srcdir)/tests/bench/media -b $(top_builddir)
