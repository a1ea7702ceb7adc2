# libshm.a
noinst_LIBRARIES += libshm.a
libshm_a_SOURCES =
libshm_a_SOURCES += shm/stream_rows.c
libshm_a_CFLAGS = $(AM_CFLAGS)
