# Fuzz targets.  A target NAME is tests/fuzz/fuzz_NAME.c with a corpus in
# tests/fuzz/NAME/, which `make check` replays with the ordinary compiler.
# `make fuzz` builds the libraries again with clang, and runs each target for
# FUZZ_SECONDS; new inputs and crashes go to fuzz-build/ in the build folder.
FUZZ_TARGETS = config frame names packet scan sdp uri
FUZZ_SECONDS = 60
FUZZ_CC = clang
FUZZ_CFLAGS = -g -O1 -fno-omit-frame-pointer
FUZZ_SANITIZE = address,undefined -fno-sanitize-recover=all
FUZZ_LIBS_CFLAGS = $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,$(FUZZ_SANITIZE)
FUZZ_LIBS = libsip.a libroute.a librtp.a libbase.a
FUZZ_FLAGS = -timeout=10 -max_len=65535 -len_control=50 -print_final_stats=1

.PHONY: fuzz fuzz-libs clean-fuzz
fuzz: fuzz-libs
	@set -e; cd fuzz-build; for t in $(FUZZ_TARGETS); do \
		echo "fuzz $$t: $(FUZZ_SECONDS) s"; mkdir -p found-$$t; \
		$(FUZZ_CC) -std=gnu11 -D_GNU_SOURCE $(FUZZ_CFLAGS) \
			-fsanitize=fuzzer,$(FUZZ_SANITIZE) \
			-I$(abs_top_srcdir) -o fuzz_$$t \
			$(abs_top_srcdir)/tests/fuzz/fuzz_$$t.c $(FUZZ_LIBS) \
			$(OSIP_LIBS) $(PCRE2_LIBS); \
		./fuzz_$$t $(FUZZ_FLAGS) -max_total_time=$(FUZZ_SECONDS) \
			-artifact_prefix=$$t- \
			-dict=$(abs_top_srcdir)/tests/fuzz/sip.dict \
			found-$$t $(abs_top_srcdir)/tests/fuzz/$$t; \
	done
fuzz-libs:
	@mkdir -p fuzz-build
	cd fuzz-build && { test -f Makefile || \
		$(abs_top_srcdir)/configure CC='$(FUZZ_CC)' \
			CFLAGS='$(FUZZ_LIBS_CFLAGS)'; } && \
		$(MAKE) $(FUZZ_LIBS)
clean-local: clean-fuzz
clean-fuzz:
	rm -rf fuzz-build

# ---- sip/ ----
check_PROGRAMS += tests/fuzz/replay_frame tests/fuzz/replay_scan \
	tests/fuzz/replay_sdp tests/fuzz/replay_uri
TESTS += tests/fuzz/replay-sip
tests_fuzz_replay_frame_SOURCES = tests/fuzz/fuzz.h tests/fuzz/fuzz_frame.c \
	tests/fuzz/replay.c
tests_fuzz_replay_frame_LDADD = libsip.a libbase.a
tests_fuzz_replay_scan_SOURCES = tests/fuzz/fuzz_scan.c tests/fuzz/replay.c
tests_fuzz_replay_scan_LDADD = libsip.a libbase.a $(OSIP_LIBS)
tests_fuzz_replay_sdp_SOURCES = tests/fuzz/fuzz_sdp.c tests/fuzz/replay.c
tests_fuzz_replay_sdp_LDADD = libsip.a libbase.a
tests_fuzz_replay_uri_SOURCES = tests/fuzz/fuzz_uri.c tests/fuzz/replay.c
tests_fuzz_replay_uri_LDADD = libsip.a libbase.a
EXTRA_DIST += tests/fuzz/replay-sip tests/fuzz/sip.dict tests/fuzz/frame \
	tests/fuzz/scan tests/fuzz/sdp tests/fuzz/uri

# ---- base/, rtp/ ----
check_PROGRAMS += tests/fuzz/replay_names tests/fuzz/replay_packet
TESTS += tests/fuzz/replay-base
tests_fuzz_replay_names_SOURCES = tests/fuzz/fuzz_names.c tests/fuzz/replay.c
tests_fuzz_replay_names_LDADD = libbase.a
tests_fuzz_replay_packet_SOURCES = tests/fuzz/fuzz_packet.c tests/fuzz/replay.c
tests_fuzz_replay_packet_LDADD = librtp.a libbase.a
EXTRA_DIST += tests/fuzz/replay-base tests/fuzz/names tests/fuzz/packet
