# Property tests: the worker's own code with the outer world replaced.
check_PROGRAMS += tests/property_worker
TESTS += tests/property_worker
tests_property_worker_SOURCES = \
	tests/property/peers.c tests/property/peers.h \
	tests/property/property_worker.c \
	tests/property/rig.c tests/property/rig.h \
	tests/unit/scratch.c tests/unit/scratch.h
tests_property_worker_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=clock_boot_us -Wl,--wrap=clock_wall_us \
	-Wl,--wrap=random_bytes -Wl,--wrap=sendmmsg \
	-Wl,--wrap=book_commit -Wl,--wrap=connection_send
tests_property_worker_LDADD = worker/libworker.a libroute.a libsip.a \
	libshm.a libbase.a $(PCRE2_LIBS) $(OSIP_LIBS) $(LMDB_LIBS) $(EVENT_LIBS)

check_PROGRAMS += tests/hostile_worker
TESTS += tests/hostile_worker
tests_hostile_worker_SOURCES = \
	tests/property/hostile_worker.c \
	tests/property/rig.c tests/property/rig.h \
	tests/unit/scratch.c tests/unit/scratch.h
tests_hostile_worker_LDFLAGS = $(tests_property_worker_LDFLAGS)
tests_hostile_worker_LDADD = $(tests_property_worker_LDADD)

check_PROGRAMS += tests/property_tables
TESTS += tests/property_tables
tests_property_tables_SOURCES = tests/property/property_tables.c
tests_property_tables_LDADD = master/libmaster.a libsip.a libshm.a libbase.a \
	$(LMDB_LIBS) $(EVENT_LIBS)
