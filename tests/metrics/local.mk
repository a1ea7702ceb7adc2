# tests/metrics/: with a real Prometheus, which is too big for `make check`.
EXTRA_DIST += tests/metrics
.PHONY: check-metrics
check-metrics: all
	$(top_srcdir)/tests/metrics/run -b $(top_builddir)
