# The master: its parts, and mspoold itself with fake children.
if HAVE_CRITERION
check_PROGRAMS += tests/unit_master tests/fake_child
TESTS += tests/unit_master
endif
# Needs the programs of every folder, SIPp and rights to unshare(2).
TESTS += tests/unit/two-sections
EXTRA_DIST += tests/unit/two-sections
tests_unit_master_SOURCES = \
	tests/support/pool_rig.c tests/support/pool_rig.h \
	tests/unit/test_control.c \
	tests/unit/test_master.c \
	tests/unit/test_supervise.c
tests_unit_master_CFLAGS = $(UNIT_CFLAGS)
tests_unit_master_LDADD = master/libmaster.a libshm.a libbase.a \
	$(LMDB_LIBS) $(EVENT_LIBS) $(CRITERION_LIBS)
tests_fake_child_SOURCES = tests/support/fake_child.c
tests_fake_child_LDADD = libshm.a libbase.a $(LMDB_LIBS) $(EVENT_LIBS)
