# tests/
include tests/integration/local.mk
