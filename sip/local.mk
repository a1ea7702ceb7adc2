# libsip.a
noinst_LIBRARIES += libsip.a
libsip_a_SOURCES =
libsip_a_CFLAGS = $(AM_CFLAGS) $(OSIP_CFLAGS)

# text in, slices out; and back
libsip_a_SOURCES += \
	sip/chars.c sip/chars.h \
	sip/frame.c \
	sip/grammar.c \
	sip/lines.c sip/lines.h \
	sip/name_addr.c \
	sip/names.c sip/names.h \
	sip/params.c sip/params.h \
	sip/scan.c sip/scan.h \
	sip/sdp.c sip/sdp.h sip/sdp_write.c sip/payloads.def sip/sdp_dropped.def \
	sip/transaction.c sip/transaction.h sip/transaction.def \
	sip/uri.c sip/uri.h \
	sip/via.c sip/via.h \
	sip/write.c sip/write.h \
	sip/headers.def sip/methods.def sip/status.def
