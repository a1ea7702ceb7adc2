/* SPDX-License-Identifier: Apache-2.0
 *
 * The book of one Mediation Server: the unit of ownership (DESIGN 3).  The
 * owner holds flock on state/msN/owner, opened here after exec and
 * close-on-exec, and has raised the epoch; every commit checks the epoch in
 * the same transaction, so that an owner who was succeeded while stopped can
 * write nothing.
 */
#ifndef SHM_BOOK_H
#define SHM_BOOK_H

#include "shm/store.h"

enum book_table {
	BOOK_CALL,
	BOOK_PENDING,
	BOOK_INVITE,
	BOOK_STREAM,
	BOOK_INTAKE,
	BOOK_CDR,
	BOOK_HEAD
};

struct book;

struct book_settings {
	const char *run_dir;
	unsigned index;	 /* N of msN */
	uint32_t epoch;	 /* given by the master; must be above the stored one */
	size_t map_size; /* bytes, taken from the file system at once */
	uint64_t map_limit; /* bytes to which it may grow; 0: 8 * map_size */
};

/* Takes ownership: waits for the lock at most 2 s (the predecessor was killed
 * before), writes the epoch.  Records of another boot are deleted first.
 * -EBUSY: the lock is held; -ESTALE: the epoch is not above the stored one. */
int book_own(const struct book_settings *settings, struct book **ret_book);
/* The epoch of the last owner, read from `owner` without opening the store, so
 * that the master can give a higher one even when its own table is lost; 0
 * when there was none. */
uint32_t book_last_epoch(const char *run_dir, unsigned index);
/* For readers: mspoolctl, observer, media workers, siblings. */
int book_open(const char *run_dir, unsigned index, struct book **ret_book);
struct book *book_forget(struct book *book);
struct store *book_store(struct book *book);
unsigned book_index(const struct book *book);
uint32_t book_epoch(const struct book *book);
/* 0: there was none. */
uint32_t book_predecessor_epoch(const struct book *book);
/* When the predecessor last committed, boottime us, to about 10 ms; 0: there
 * was none. */
uint64_t book_served_until_us(const struct book *book);
/* A new call id; reserves counters ahead inside the next commit. */
uint64_t book_new_call(struct book *book);

/* The turn's transaction.  begin is lazy and cheap when nothing is put. */
struct store_txn *book_begin(struct book *book);
/* 0; -ESTALE: we were succeeded, stop at once; -ENOSPC: nothing was written,
 * put the turn's records again (the map was doubled, if limit and file system
 * allow it; else book_make_room).  The map also grows ahead of need, here, by
 * 1 MB a turn, up to its limit. */
int book_commit(struct book *book);
/* No new calls: more than 80 % of what the map may grow to is taken, and stays
 * so until it is less than 75 %.  The rest is for the calls that run. */
bool book_is_full(struct book *book);
/* After -ENOSPC came again, for the calls that run: clears dead readers, and
 * takes memory above the limit, up to twice.  0: try again; -ENOSPC: only a
 * reader that lets go of its snapshot, or room on the file system, can help. */
int book_make_room(struct book *book);

/* Typed access; puts go to the open transaction of book_begin. */
/* A call of at most so many bytes has its place for life; a bigger one is worth
 * packing before it is put. */
#define BOOK_CALL_ROOM 1342u
void book_put_call(struct book *book, const struct call_record *call);
/* The same for one that was never put: it stands behind all others. */
void book_add_call(struct book *book, const struct call_record *call);
void book_del_call(struct book *book, uint64_t call);
void book_put_tx(struct book *book, const struct tx_record *tx);
void book_del_tx(struct book *book, uint64_t call, uint16_t tx);
void book_put_invite(struct book *book, const struct invite_record *invite);
void book_del_invite(struct book *book, uint64_t call);
void book_put_stream(struct book *book, const struct stream_record *stream);
void book_del_stream(struct book *book, uint64_t connection);
void book_put_intake(struct book *book, char kind, uint64_t key,
		     uint64_t value);
void book_del_intake(struct book *book, char kind, uint64_t key);
void book_put_cdr(struct book *book, const struct cdr_record *cdr);
void book_del_cdr(struct book *book, uint64_t sequence);

/* Scans: records are checked (record_check) and copied to the heap; the
 * callee owns them.  Bad ones are counted in *ret_bad and skipped.  In slices
 * of at most 5 ms, each its own read transaction. */
typedef void book_call_fn(void *arg, struct call_record *call);
typedef void book_tx_fn(void *arg, struct tx_record *tx);
typedef void book_invite_fn(void *arg, struct invite_record *invite);
typedef void book_stream_fn(void *arg, struct stream_record *stream);
typedef void book_intake_fn(void *arg, char kind, uint64_t key, uint64_t value);
int book_scan_calls(struct book *book, book_call_fn *fn, void *arg,
		    unsigned *ret_bad);
/* The same without a copy on the heap: the record is fn's for the time of the
 * call, and fn must be quick, since the snapshot is open. */
typedef void book_glance_fn(void *arg, const struct call_record *call);
int book_glance_calls(struct book *book, book_glance_fn *fn, void *arg);
int book_scan_txs(struct book *book, book_tx_fn *fn, void *arg,
		  unsigned *ret_bad);
int book_scan_invites(struct book *book, book_invite_fn *fn, void *arg,
		      unsigned *ret_bad);
int book_scan_streams(struct book *book, book_stream_fn *fn, void *arg,
		      unsigned *ret_bad);
int book_scan_intake(struct book *book, book_intake_fn *fn, void *arg);
/* One call, copied; -ENOENT. */
int book_get_call(struct book *book, uint64_t call,
		  struct call_record **ret_call);
int book_get_invite(struct book *book, uint64_t call,
		    struct invite_record **ret_invite);
/* Only the wish of a call, without its text; -ENOENT. */
int book_get_wish(struct book *book, uint64_t call,
		  struct media_wish *ret_wish);

/* Sequences of the oldest and the newest call record, 0 when there is none. */
int book_cdr_range(struct book *book, uint64_t *ret_first, uint64_t *ret_last);
/* Call records from this sequence on, oldest first, until fn returns non-zero,
 * which is returned; -EPROTO before a record of a later release, which waits
 * for a reader of that release.  cdr is NULL where the book holds something
 * else under that sequence; it is fn's only while fn runs, with a snapshot
 * open. */
#define CDR_RECORD_MAX 4096
typedef int book_cdr_fn(void *arg, uint64_t sequence,
			const struct cdr_record *cdr);
int book_read_cdrs(struct book *book, uint64_t from, book_cdr_fn *fn,
		   void *arg);
/* Was the book's file made in this boot?  Others must not even be mapped
 * (NOSYNC); its owner will replace it. */
bool book_is_of_this_boot(const char *run_dir, unsigned index);

/* Wishes alone, a slice at a time, for media workers, which must not read for
 * long: of calls from id *call on in the order of ids, at most BOOK_WISHES_MAX.
 * *call becomes the id to go on with, 0 after the last.  Bad records are
 * skipped.  0 or -errno. */
#define BOOK_WISHES_MAX 64
typedef void book_wish_fn(void *arg, uint64_t call,
			  const struct media_wish *wish);
int book_scan_wishes(struct book *book, uint64_t *call, book_wish_fn *fn,
		     void *arg);

#endif
