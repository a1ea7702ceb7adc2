# tests/crash/: a worker dies at every numbered passage of every call of a set.
# `make check` strikes every MSPOOL_CRASH_EVERY-th point, others each time;
# `make crash` strikes all.
EXTRA_DIST += tests/crash
TESTS += tests/crash/run

.PHONY: crash
crash: all
	$(top_srcdir)/tests/crash/run -b $(top_builddir) -e 1

# An upgrade to a release that really differs, and back: builds it (half a
# minute), so it is no part of `make check`.
EXTRA_DIST += tests/next
.PHONY: check-next
check-next: all
	$(top_srcdir)/tests/next/run $(top_builddir)
