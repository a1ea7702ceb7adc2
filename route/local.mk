# libroute.a
noinst_LIBRARIES += libroute.a
libroute_a_SOURCES =
libroute_a_CFLAGS = $(AM_CFLAGS)
