# libbase.a
noinst_LIBRARIES += libbase.a
libbase_a_SOURCES =
libbase_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
libbase_a_SOURCES += \
	base/addr.c base/addr.h \
	base/clock.c base/clock.h \
	base/ids.c base/ids.h \
	base/log.c base/log.h base/log_format.c base/log_format.h \
	base/media_types.h \
	base/str.c base/str.h \
	base/wheel.c base/wheel.h
