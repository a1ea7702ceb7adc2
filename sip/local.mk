# libsip.a
noinst_LIBRARIES += libsip.a
libsip_a_SOURCES =
libsip_a_CFLAGS = $(AM_CFLAGS)
