# The signalling layer: every unit test of sip/ in one program.
if HAVE_CRITERION
check_PROGRAMS += tests/unit_sip
TESTS += tests/unit_sip
endif
tests_unit_sip_SOURCES = \
	tests/unit/sip_parts.c tests/unit/sip_parts.h \
	tests/unit/test_frame.c \
	tests/unit/test_grammar.c \
	tests/unit/test_nasty.c \
	tests/unit/test_scan.c \
	tests/unit/test_sdp.c \
	tests/unit/test_torture.c \
	tests/unit/test_transaction.c \
	tests/unit/test_uri.c \
	tests/unit/test_write.c
tests_unit_sip_CFLAGS = $(UNIT_CFLAGS)
tests_unit_sip_LDADD = libsip.a libbase.a $(CRITERION_LIBS) $(OSIP_LIBS)
EXTRA_DIST += tests/unit/sdp

# What a message costs: tests/bench_scan, by hand.
EXTRA_PROGRAMS += tests/bench_scan
tests_bench_scan_SOURCES = tests/bench/bench_scan.c
tests_bench_scan_LDADD = libsip.a libbase.a $(OSIP_LIBS)

# doc/states.md is printed from the state tables (doc/how-to/add-a-state.md).
check_PROGRAMS += tests/support/print_states
tests_support_print_states_SOURCES = tests/support/print_states.c
TESTS += tests/unit/printed-states
EXTRA_DIST += tests/unit/printed-states
.PHONY: states
states: tests/support/print_states
	$(AM_V_GEN)tests/support/print_states >$(srcdir)/doc/states.md
