# tests/
include tests/integration/local.mk

# ---- shm/ ----
if HAVE_CRITERION
check_PROGRAMS += tests/unit_shm tests/shm_helper
TESTS += tests/unit_shm
endif
EXTRA_PROGRAMS += tests/bench_store
tests_unit_shm_SOURCES = tests/unit/scratch.c tests/unit/scratch.h \
	tests/unit/shm_helper.h tests/unit/test_board.c \
	tests/unit/test_book.c tests/unit/test_health.c \
	tests/unit/test_record.c tests/unit/test_ring.c \
	tests/unit/test_steer.c tests/unit/test_store.c
tests_unit_shm_CFLAGS = $(AM_CFLAGS) $(CRITERION_CFLAGS)
tests_unit_shm_LDADD = libshm.a libbase.a $(LMDB_LIBS) $(CRITERION_LIBS)
tests_shm_helper_SOURCES = tests/unit/shm_helper.c tests/unit/shm_helper.h
tests_shm_helper_LDADD = libshm.a libbase.a $(LMDB_LIBS)
tests_bench_store_SOURCES = tests/bench/bench_store.c
tests_bench_store_LDADD = libshm.a libbase.a $(LMDB_LIBS)
include tests/unit/sip.mk
include tests/unit/tools.mk
