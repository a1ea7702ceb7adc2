# Unit tests of mspoolctl (tools/) and of what it alone uses of rtp/.
if HAVE_CRITERION
check_PROGRAMS += tests/unit_tools
TESTS += tests/unit_tools
endif
tests_unit_tools_SOURCES = tests/unit/ctl_fixture.c tests/unit/ctl_fixture.h \
	tests/unit/test_ctl_command.c tests/unit/test_ctl_route_file.c \
	tests/unit/test_ctl_show.c tests/unit/test_ctl_table.c \
	tests/unit/test_ctl_verb.c tests/unit/test_quality.c
tests_unit_tools_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CRITERION_CFLAGS)
tests_unit_tools_LDADD = $(CTL_LIBS) $(CRITERION_LIBS)
