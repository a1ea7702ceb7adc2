# tests/: what `make check` runs.  Unit tests are one program a layer, one
# test_<file>.c a source file; each layer keeps its lines together below.
UNIT_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
# Where the torture messages of RFC 4475 and 5118 lie; skipped if nowhere.
# Of an allocation LeakSanitizer keeps the caller alone: with more, Criterion
# would stand in every test's stack, and lsan.supp would hide every leak.
AM_TESTS_ENVIRONMENT = \
	BUILD='$(abs_top_builddir)'; export BUILD; \
	LSAN_OPTIONS='suppressions=$(abs_top_srcdir)/tests/support/lsan.supp:print_suppressions=0:malloc_context_size=2'; \
	export LSAN_OPTIONS; \
	MSPOOL_TORTURE="$${MSPOOL_TORTURE-$(abs_top_srcdir)/../shared/reference}"; \
	export MSPOOL_TORTURE;

# ---- base/, rtp/ ----
if HAVE_CRITERION
check_PROGRAMS += tests/unit_base tests/unit_rtp
TESTS += tests/unit_base tests/unit_rtp
endif
tests_unit_base_SOURCES = \
	tests/unit/test_addr.c \
	tests/unit/test_channel.c \
	tests/unit/test_child.c \
	tests/unit/test_clock.c \
	tests/unit/test_confine.c \
	tests/unit/test_crash.c \
	tests/unit/test_ids.c \
	tests/unit/test_log.c \
	tests/unit/test_loop.c \
	tests/unit/test_str.c \
	tests/unit/test_wheel.c
tests_unit_base_CFLAGS = $(UNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_base_LDADD = libbase.a $(EVENT_LIBS) $(CRITERION_LIBS) \
	$(JANSSON_LIBS)
tests_unit_rtp_SOURCES = \
	tests/unit/test_audio.c \
	tests/unit/test_packet.c \
	tests/unit/test_quality.c
tests_unit_rtp_CFLAGS = $(UNIT_CFLAGS)
tests_unit_rtp_LDADD = librtp.a $(CRITERION_LIBS) -lm

# ---- tools/ ----
if HAVE_CRITERION
check_PROGRAMS += tests/unit_tools
TESTS += tests/unit_tools
endif
TESTS += tests/unit/events-used
EXTRA_DIST += tests/unit/events-used
TESTS += tests/unit/documents tests/unit/printed-columns tests/unit/printed-metrics tests/unit/metrics-used
EXTRA_DIST += tests/unit/documents tests/unit/printed-columns tests/unit/printed-metrics tests/unit/metrics-used
tests_unit_tools_SOURCES = \
	tests/unit/ctl_fixture.c tests/unit/ctl_fixture.h \
	tests/unit/cdr_sample.h tests/unit/scratch.c \
	tests/unit/scratch.h tests/unit/shm_helper.h \
	tests/unit/test_cdr_file.c tests/unit/test_cdr_line.c \
	tests/unit/test_ctl_command.c \
	tests/unit/test_ctl_complete.c \
	tests/unit/test_ctl_config.c \
	tests/unit/test_ctl_route_file.c \
	tests/unit/test_ctl_show.c \
	tests/unit/test_ctl_table.c \
	tests/unit/test_ctl_verb.c \
	tests/unit/test_doctor.c \
	tests/unit/test_metrics.c \
	tests/unit/test_nagios.c \
	tests/unit/test_observer_http.c tests/unit/test_observer_query.c \
	tests/unit/test_top_screen.c
tests_unit_tools_CFLAGS = $(UNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_tools_LDADD = libcdr.a $(OBSERVER_LIBS) $(CRITERION_LIBS)

# ---- whole pools: last, since they take longest ----
TESTS += tests/integration/run
include tests/integration/local.mk
include tests/crash/local.mk
include tests/metrics/local.mk
include tests/ctl/local.mk

# ---- shm/ ----
if HAVE_CRITERION
check_PROGRAMS += tests/unit_shm tests/shm_helper
TESTS += tests/unit_shm
endif
EXTRA_PROGRAMS += tests/bench_store
tests_unit_shm_SOURCES = tests/unit/scratch.c tests/unit/scratch.h \
	tests/unit/shm_helper.h tests/unit/test_board.c \
	tests/unit/test_book.c tests/unit/cdr_sample.h \
	tests/unit/test_cdr_page.c tests/unit/test_figures_page.c \
	tests/unit/test_health.c \
	tests/unit/test_record.c tests/unit/test_ring.c \
	tests/unit/test_steer.c tests/unit/test_store.c \
	tests/unit/test_torn_commit.c tests/unit/test_version.c
tests_unit_shm_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
tests_unit_shm_LDADD = libshm.a libbase.a $(LMDB_LIBS) $(CRITERION_LIBS)
tests_shm_helper_SOURCES = tests/unit/shm_helper.c tests/unit/shm_helper.h
tests_shm_helper_LDADD = libshm.a libbase.a $(LMDB_LIBS)
tests_bench_store_SOURCES = tests/bench/bench_store.c
tests_bench_store_LDADD = libshm.a libbase.a $(LMDB_LIBS)
include tests/unit/sip.mk
include tests/unit/media.mk
include tests/unit/config.mk
include tests/unit/master.mk
include tests/unit/worker.mk
include tests/property/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk
include tests/soak/local.mk
