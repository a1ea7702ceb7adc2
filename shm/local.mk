# libshm.a
noinst_LIBRARIES += libshm.a
libshm_a_SOURCES = shm/board.c shm/board.h shm/book.c shm/book.h \
	shm/book_cdr.c shm/book_glance.c shm/book_inside.h shm/book_scan.c \
	shm/book_wishes.c shm/cdr_page.c shm/cdr_page.h \
	shm/counters.def shm/figures.c shm/figures.def \
	shm/figures.h shm/health.c \
	shm/health.h shm/page.c \
	shm/page.h shm/pool_table.c shm/pool_table.h shm/record.c \
	shm/record.h shm/ring.c shm/ring.h shm/rollback.c shm/rollback.h shm/schema.h shm/steer.c \
	shm/store.c shm/store.h shm/store_inside.h \
	shm/store_open.c shm/store_readers.c shm/stream_rows.c shm/version.c shm/version.h
libshm_a_CFLAGS = $(AM_CFLAGS)
