# Configuration and routing: unit tests, fuzz target and what is printed.
if HAVE_CRITERION
check_PROGRAMS += tests/unit_config tests/unit_route
TESTS += tests/unit_config tests/unit_route
endif
tests_unit_config_SOURCES = \
	tests/unit/test_config.c \
	tests/unit/test_config_mistakes.c \
	tests/unit/test_ini.c \
	tests/unit/test_options.c
tests_unit_config_CFLAGS = $(UNIT_CFLAGS)
tests_unit_config_LDADD = libroute.a libbase.a $(PCRE2_LIBS) $(CRITERION_LIBS)
tests_unit_route_SOURCES = tests/unit/test_route.c
tests_unit_route_CFLAGS = $(UNIT_CFLAGS)
tests_unit_route_LDADD = libroute.a libbase.a $(PCRE2_LIBS) $(CRITERION_LIBS)

check_PROGRAMS += tests/fuzz/replay_config
TESTS += tests/fuzz/replay-config tests/unit/printed-options
tests_fuzz_replay_config_SOURCES = tests/fuzz/fuzz_config.c tests/fuzz/replay.c
tests_fuzz_replay_config_LDADD = libroute.a libbase.a $(PCRE2_LIBS)
EXTRA_DIST += \
	tests/fuzz/replay-config tests/unit/printed-options \
	tests/fuzz/config/broken \
	tests/fuzz/config/empty \
	tests/fuzz/config/everything \
	tests/fuzz/config/marks \
	tests/fuzz/config/mistakes \
	tests/fuzz/config/numbers \
	tests/fuzz/config/smallest
