# worker/: what can be tested without a pool
if HAVE_CRITERION
check_PROGRAMS += tests/unit_worker
TESTS += tests/unit_worker
endif
tests_unit_worker_SOURCES = tests/unit/test_position.c
tests_unit_worker_CFLAGS = $(UNIT_CFLAGS)
tests_unit_worker_LDADD = worker/libworker.a $(CRITERION_LIBS) -lpthread
