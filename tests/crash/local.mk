# tests/crash/: a worker dies at every numbered passage of every call of a set.
# `make check` strikes every MSPOOL_CRASH_EVERY-th point, others each time;
# `make crash` strikes all.
EXTRA_DIST += tests/crash
TESTS += tests/crash/run

.PHONY: crash
crash: all
	$(top_srcdir)/tests/crash/run -b $(top_builddir) -e 1
