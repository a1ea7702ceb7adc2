# libbase.a
noinst_LIBRARIES += libbase.a
libbase_a_SOURCES =
libbase_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
libbase_a_SOURCES += \
	base/addr.c base/addr.h \
	base/channel.c base/channel.h \
	base/child.c base/child.h \
	base/clock.c base/clock.h \
	base/confine.c base/confine.h base/confine.def base/confine_probe.c \
	base/crash.c base/crash.h base/crash_points.def \
	base/events.def \
	base/ids.c base/ids.h \
	base/log.c base/log.h base/log_format.c base/log_format.h \
	base/log_limit.c base/log_limit.h \
	base/loop.c base/loop.h \
	base/media_types.h \
	base/messages.c base/messages.h base/messages.def \
	base/str.c base/str.h \
	base/wheel.c base/wheel.h
libbase_a_SOURCES += \
	base/arena.c base/arena.h \
	base/config.c base/config.h base/config_build.h \
	base/config_check.c base/config_default.c base/config_difference.c \
	base/config_files.c \
	base/config_find.c base/config_list.c base/config_listen.c \
	base/config_hint.c base/config_read.c base/config_sections.c \
	base/config_value.c \
	base/ini.c base/ini.h base/ini_value.c \
	base/names.c base/names.h \
	base/options.c base/options.def base/options.h \
	base/report.c base/report.h
