# The scenarios, their peers and the runner: data and scripts, nothing built.
EXTRA_DIST += tests/integration tests/peers tests/support

.PHONY: integration
integration: all
	$(top_srcdir)/tests/integration/run -b $(top_builddir)
