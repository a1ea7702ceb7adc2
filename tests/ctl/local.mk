# tests/ctl/: mspoolctl on a live pool, and its demo.
TESTS += tests/ctl/run
EXTRA_DIST += tests/ctl
