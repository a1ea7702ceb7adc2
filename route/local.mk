# libroute.a
noinst_LIBRARIES += libroute.a
libroute_a_SOURCES = \
	route/order.c \
	route/plan.c \
	route/route.h \
	route/rules.c route/rules.h
libroute_a_CFLAGS = $(AM_CFLAGS) $(PCRE2_CFLAGS)
