# media/: mspool-media
pkglibexec_PROGRAMS += media/mspool-media
# Without main(), so that tests and the bench can link the parts.
noinst_LIBRARIES += media/libmedia.a
media_libmedia_a_SOURCES = \
	media/books.c media/books.h \
	media/engine.c media/engine.h \
	media/engine_epoll.c \
	media/engine_uring.c \
	media/figures.c media/figures.h \
	media/inactivity.c media/inactivity.h \
	media/inbox.c media/media.h \
	media/offers.c media/offers.h \
	media/pace.c media/pace.h \
	media/pair.c media/pair.h \
	media/payload.c media/payload.h \
	media/ports.c media/ports.h \
	media/rejoin.c media/rejoin.h \
	media/relay.c media/relay.h \
	media/rtcp.c media/rtcp.h \
	media/served.c media/served.h \
	media/source.c media/source.h \
	media/start.c media/start.h \
	media/stream.c media/stream.h \
	media/way.h
media_libmedia_a_CFLAGS = $(AM_CFLAGS) $(URING_CFLAGS)
media_mspool_media_SOURCES = media/mspool-media.c
media_mspool_media_LDFLAGS = $(SANITIZE) $(LTO_LDFLAGS)
media_mspool_media_LDADD = media/libmedia.a librtp.a libshm.a libbase.a \
	$(URING_LIBS) $(LMDB_LIBS) $(EVENT_LIBS)
