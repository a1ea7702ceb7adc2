# librtp.a
noinst_LIBRARIES += librtp.a
librtp_a_SOURCES = rtp/audio.c rtp/audio.h rtp/packet.c rtp/packet.h
librtp_a_CFLAGS = $(AM_CFLAGS)
librtp_a_SOURCES += rtp/quality.h rtp/quality.c
