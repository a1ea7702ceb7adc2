# libbase.a
noinst_LIBRARIES += libbase.a
libbase_a_SOURCES =
libbase_a_CFLAGS = $(AM_CFLAGS)
