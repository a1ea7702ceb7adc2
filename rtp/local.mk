# librtp.a
noinst_LIBRARIES += librtp.a
librtp_a_SOURCES =
librtp_a_CFLAGS = $(AM_CFLAGS)
librtp_a_SOURCES += rtp/quality.h rtp/quality.c
