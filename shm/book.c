/* SPDX-License-Identifier: Apache-2.0
 *
 * Owning and writing a book.  Called by the signalling worker that serves it;
 * the reading half (everybody) is book_scan.c.  Three things keep a second
 * writer out: flock on `owner`, the epoch that each owner raises, and the look
 * at it inside every commit.  The boot id stands in `owner`, too, since after
 * a crash of the host the data file must not even be mapped before it is known
 * to be of this boot (NOSYNC).
 * Trap: a turn that failed with -ENOSPC is gone from the book; put it again.
 */
#include "shm/book.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "shm/book_inside.h"
#include "shm/page.h"
#include "shm/record.h"
#include "shm/version.h"

#define LOCK_WAIT_US	    (2 * USEC_PER_SEC)
#define LOCK_RETRY_US	    1000
#define CALLS_RESERVED	    4096u /* at a time … */
#define CALLS_LOW	    1024u /* … and again when so many are left */
#define SERVED_STEP_US	    (10 * USEC_PER_MSEC) /* precision of served_until_us */
#define BOOT_ID_LEN	    36
#define FULL_PERCENT	    75 /* of the map: grow it before it is full … */
#define MAP_TIMES	    8  /* … up to so many times what it was given */
#define GROW_STEP	    (1u << 20) /* a turn: some ms at worst */
#define GROW_RETRY_US	    USEC_PER_SEC
#define NO_CALLS_PERCENT    80 /* of the limit is taken: no new calls … */
#define CALLS_AGAIN_PERCENT 75 /* … until it is less than this */
#define LOOK_US		    (100 * USEC_PER_MSEC)
#define ROOM_PART	    8 /* of the limit, a time, above it */

static const char *const book_tables[] = {
	[BOOK_CALL] = "call",	  [BOOK_PENDING] = "pending",
	[BOOK_INVITE] = "invite", [BOOK_STREAM] = "stream",
	[BOOK_INTAKE] = "intake", [BOOK_CDR] = "cdr",
	[BOOK_HEAD] = "book",	  [BOOK_HEAD + 1] = NULL,
};

static const struct slice head_key = {"head", 4};

static int book_path(char path[PAGE_PATH_MAX], const char *run_dir,
		     unsigned index, const char *file)
{
	int n = snprintf(path, PAGE_PATH_MAX, "%s/state/ms%u%s", run_dir, index,
			 file);

	return n < 0 || n >= PAGE_PATH_MAX ? -ENAMETOOLONG : 0;
}

/* ---- the lock ----------------------------------------------------------- */

/* The predecessor was killed before; the kernel may still be at its exit. */
static int wait_for_lock(int fd)
{
	uint64_t until_us = clock_boot_us() + LOCK_WAIT_US;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (clock_boot_us() >= until_us)
			return -EBUSY;
		usleep(LOCK_RETRY_US);
	}
	return 0;
}

static int take_lock(const struct book_settings *settings, int *ret_fd)
{
	char path[PAGE_PATH_MAX], folder[16];
	int fd, rc;

	snprintf(folder, sizeof(folder), "ms%u", settings->index);
	rc = page_make_folder(settings->run_dir, folder);
	if (!rc)
		rc = book_path(path, settings->run_dir, settings->index,
			       "/owner");
	if (rc)
		return rc;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = wait_for_lock(fd);
	if (rc)
		close(fd);
	else
		*ret_fd = fd;
	return rc;
}

/* `owner` holds "<boot id> epoch=… pid=…"; empty says nothing: its writer died
 * early, and the head record decides. */
static bool is_of_another_boot(int owner_fd, const char *boot_id)
{
	char text[BOOT_ID_LEN];

	return pread(owner_fd, text, BOOT_ID_LEN, 0) == BOOT_ID_LEN &&
	       memcmp(text, boot_id, BOOT_ID_LEN) != 0;
}

static int write_owner(int owner_fd, const char *boot_id, uint32_t epoch)
{
	char text[128];
	int len = snprintf(text, sizeof(text), "%s epoch=%u pid=%d\n", boot_id,
			   epoch, (int)getpid());

	if (ftruncate(owner_fd, 0) < 0)
		return -errno;
	if (pwrite(owner_fd, text, (size_t)len, 0) != len)
		return errno ? -errno : -EIO;
	return 0;
}

uint32_t book_last_epoch(const char *run_dir, unsigned index)
{
	char path[PAGE_PATH_MAX];
	unsigned epoch = 0;
	FILE *owner = NULL;

	if (book_path(path, run_dir, index, "/owner") == 0)
		owner = fopen(path, "re");
	if (!owner)
		return 0;
	if (fscanf(owner, "%*36s epoch=%u", &epoch) != 1)
		epoch = 0;
	fclose(owner);
	return epoch;
}

bool book_is_of_this_boot(const char *run_dir, unsigned index)
{
	char path[PAGE_PATH_MAX], boot_id[BOOT_ID_LEN + 1];
	bool is_ours = false;
	int fd = -1;

	if (book_path(path, run_dir, index, "/owner") == 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (clock_boot_id(boot_id) == 0) {
		char text[BOOT_ID_LEN];

		is_ours = pread(fd, text, BOOT_ID_LEN, 0) == BOOT_ID_LEN &&
			  memcmp(text, boot_id, BOOT_ID_LEN) == 0;
	}
	close(fd);
	return is_ours;
}

/* Nobody alive has these files open: they are of another boot. */
static int drop_files(const struct book_settings *settings)
{
	static const char *const files[] = {"/data.mdb", "/lock.mdb"};
	char path[PAGE_PATH_MAX];

	for (unsigned i = 0; i < 2; i++) {
		int rc = book_path(path, settings->run_dir, settings->index,
				   files[i]);

		if (rc)
			return rc;
		if (unlink(path) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

/* ---- the head ----------------------------------------------------------- */

static int read_head(struct store_txn *txn, struct book_head *ret_head)
{
	struct slice value;
	int rc = store_get(txn, BOOK_HEAD, head_key, &value);

	if (!rc) {
		value = record_from_store(RECORD_BOOK, value);
		rc = record_check(value, RECORD_BOOK, sizeof(*ret_head), NULL,
				  0);
	}
	if (!rc)
		memcpy(ret_head, value.ptr, sizeof(*ret_head));
	return rc;
}

static void put_head(struct store_txn *txn, const struct book_head *head)
{
	store_put(
		txn, BOOK_HEAD, head_key,
		record_to_store(RECORD_BOOK, (struct slice){(const char *)head,
							    sizeof(*head)}));
}

static void clear_tables(struct store_txn *txn)
{
	for (unsigned table = BOOK_CALL; table <= BOOK_HEAD; table++)
		store_clear(txn, table);
}

/* Raises the epoch in one transaction with the look at the old one.  A head of
 * another boot or of another version: its records mean nothing to us. */
static void take_over(struct book *book, struct store_txn *txn, uint32_t epoch,
		      const char *boot_id)
{
	struct book_head old;
	int rc = read_head(txn, &old);

	if (!rc && strncmp(old.boot_id, boot_id, sizeof(old.boot_id)) != 0)
		rc = -EPROTO;
	if (rc == -EPROTO)
		clear_tables(txn);
	if (!rc && old.epoch >= epoch)
		txn->error = -ESTALE;
	if (rc)
		old = (struct book_head){.next_call = 1};
	book->next_call = old.next_call;
	book->predecessor_until_us = old.served_until_us;
	book->predecessor_epoch = old.epoch;
	book->head = (struct book_head){
		.head = {BOOK_VERSION, RECORD_BOOK, sizeof(book->head)},
		.epoch = epoch,
		.next_call = old.next_call + CALLS_RESERVED,
		.served_until_us = clock_boot_us(),
	};
	snprintf(book->head.boot_id, sizeof(book->head.boot_id), "%s", boot_id);
	put_head(txn, &book->head);
}

/* ---- owning and opening ------------------------------------------------- */

static int open_store(const char *run_dir, unsigned index, enum store_mode mode,
		      size_t map_size, struct store **ret_store)
{
	char path[PAGE_PATH_MAX];
	int rc = book_path(path, run_dir, index, "");
	struct store_settings settings = {
		.dir = path,
		.mode = mode,
		.map_size = map_size,
		.tables = book_tables,
	};

	return rc ? rc : store_open(&settings, ret_store);
}

static int own_locked(const struct book_settings *settings, struct book *book)
{
	struct store_txn txn;
	char boot_id[BOOT_ID_LEN + 1];
	int rc = clock_boot_id(boot_id);

	if (!rc && is_of_another_boot(book->owner_fd, boot_id))
		rc = drop_files(settings);
	if (!rc)
		rc = open_store(settings->run_dir, settings->index, STORE_WRITE,
				settings->map_size, &book->store);
	if (rc)
		return rc;
	store_check_readers(book->store);
	store_begin(book->store, STORE_WRITE, &txn);
	take_over(book, &txn, settings->epoch, boot_id);
	rc = store_commit(&txn);
	return rc ? rc : write_owner(book->owner_fd, boot_id, settings->epoch);
}

static struct book *book_new(unsigned index)
{
	struct book *book = calloc(1, sizeof(*book));

	if (book) {
		book->index = index;
		book->owner_fd = -1;
	}
	return book;
}

int book_own(const struct book_settings *settings, struct book **ret_book)
{
	struct book *book;
	int rc;

	if (settings->index < 1 || settings->index > BOOK_MAX)
		return -EINVAL;
	book = book_new(settings->index);
	if (!book)
		return -ENOMEM;
	book->map_limit = settings->map_limit
				  ? settings->map_limit
				  : (uint64_t)settings->map_size * MAP_TIMES;
	rc = take_lock(settings, &book->owner_fd);
	if (!rc)
		rc = own_locked(settings, book);
	if (rc)
		book_forget(book);
	else
		*ret_book = book;
	return rc;
}

int book_open(const char *run_dir, unsigned index, struct book **ret_book)
{
	struct book *book;
	int rc;

	if (index < 1 || index > BOOK_MAX)
		return -EINVAL;
	book = book_new(index);
	if (!book)
		return -ENOMEM;
	rc = open_store(run_dir, index, STORE_READ, 0, &book->store);
	if (rc)
		book_forget(book);
	else
		*ret_book = book;
	return rc;
}

/* The environment is let go before the lock is. */
struct book *book_forget(struct book *book)
{
	if (!book)
		return NULL;
	if (book->is_begun)
		store_abort(&book->txn);
	store_forget(book->store);
	if (book->owner_fd >= 0)
		close(book->owner_fd);
	free(book);
	return NULL;
}

struct store *book_store(struct book *book)
{
	return book->store;
}

unsigned book_index(const struct book *book)
{
	return book->index;
}

uint32_t book_epoch(const struct book *book)
{
	return book->head.epoch;
}

uint32_t book_predecessor_epoch(const struct book *book)
{
	return book->predecessor_epoch;
}

uint64_t book_served_until_us(const struct book *book)
{
	return book->predecessor_until_us;
}

uint64_t book_new_call(struct book *book)
{
	must(book->owner_fd >= 0);
	if (book->next_call + CALLS_LOW >= book->head.next_call) {
		book->head.next_call += CALLS_RESERVED;
		book->is_head_due = true;
	}
	return call_make(book->index, book->next_call++);
}

/* ---- the turn ----------------------------------------------------------- */

struct store_txn *book_begin(struct book *book)
{
	must(book->owner_fd >= 0);
	if (!book->is_begun) {
		store_begin(book->store, STORE_WRITE, &book->txn);
		book->is_begun = true;
		if (book->lost)
			book->txn.error = book->lost;
	}
	return &book->txn;
}

/* Are we still the owner?  Written only every 10 ms, since a second table in a
 * commit costs as much as two records. */
static void check_epoch(struct book *book, struct store_txn *txn)
{
	uint64_t now_us = clock_boot_us();
	struct book_head stored;
	int rc = read_head(txn, &stored);

	if (!rc && stored.epoch != book->head.epoch)
		rc = -ESTALE;
	if (rc) {
		txn->error = txn->error ? txn->error : rc;
		return;
	}
	if (!book->is_head_due &&
	    now_us < stored.served_until_us + SERVED_STEP_US)
		return;
	book->head.served_until_us = now_us;
	put_head(txn, &book->head);
}

/* Called with no transaction open.  Failing is no harm yet.  The limit keeps a
 * reader that was stopped inside its snapshot, and so pins every page, from
 * eating the host's memory: then this book is full, and no other. */
static void grow_in_time(struct book *book, int rc)
{
	uint64_t used, size, now_us;

	if (store_usage(book->store, &used, &size) ||
	    (rc != -ENOSPC && used <= size / 100 * FULL_PERCENT))
		return;
	now_us = clock_boot_us();
	if (size * 2 > book->map_limit || now_us < book->no_grow_us)
		return;
	if (rc == -ENOSPC)
		rc = store_grow(book->store);
	else
		rc = store_grow_step(book->store, GROW_STEP);
	if (rc < 0)
		book->no_grow_us = now_us + GROW_RETRY_US;
}

/* What cannot grow any more: how much of it is free?  Pages that a stopped
 * reader holds are not. */
static void look_at_room(struct book *book)
{
	uint64_t used, size, room, now_us, ceiling;
	unsigned percent =
		book->is_full ? CALLS_AGAIN_PERCENT : NO_CALLS_PERCENT;

	if (store_usage(book->store, &used, &size))
		return;
	now_us = clock_boot_us();
	ceiling = size < book->map_limit ? size : book->map_limit;
	if (used <= ceiling / 100 * FULL_PERCENT ||
	    (size * 2 <= book->map_limit && now_us >= book->no_grow_us)) {
		book->is_full = false;
		return;
	}
	if (now_us < book->look_us || store_room(book->store, &room))
		return;
	book->look_us = now_us + LOOK_US;
	book->is_full = size - room > ceiling / 100 * percent;
}

/* Without a commit nobody else would see that calls have ended. */
bool book_is_full(struct book *book)
{
	if (book->is_full)
		look_at_room(book);
	return book->is_full;
}

int book_make_room(struct book *book)
{
	uint64_t used, size, step = book->map_limit / ROOM_PART;

	must(book->owner_fd >= 0 && !book->is_begun);
	book->is_full = true;
	if (store_check_readers(book->store) > 0)
		return 0;
	if (store_usage(book->store, &used, &size) ||
	    size + step > book->map_limit * 2)
		return -ENOSPC;
	return store_extend(book->store, step) ? -ENOSPC : 0;
}

int book_commit(struct book *book)
{
	struct store_txn *txn = book_begin(book);
	int rc;

	if (txn->error || txn->txn || book->is_head_due)
		check_epoch(book, txn);
	else {
		book->is_begun = false;
		return 0;
	}
	rc = store_commit(txn);
	book->is_begun = false;
	if (rc == -ESTALE)
		book->lost = rc;
	else
		grow_in_time(book, rc);
	if (!rc) {
		look_at_room(book);
		book->is_head_due = false;
	}
	return rc;
}

/* ---- what is put -------------------------------------------------------- */

static struct slice key_of(uint64_t id, char key[CALL_KEY_LEN])
{
	key_u64(id, key);
	return (struct slice){key, CALL_KEY_LEN};
}

static struct slice tx_key_of(uint64_t call, uint16_t tx, char key[TX_KEY_LEN])
{
	key_u64(call, key);
	key[8] = (char)(tx >> 8);
	key[9] = (char)tx;
	return (struct slice){key, TX_KEY_LEN};
}

static struct slice intake_key_of(char kind, uint64_t id,
				  char key[INTAKE_KEY_LEN])
{
	key[0] = kind;
	key_u64(id, key + 1);
	return (struct slice){key, INTAKE_KEY_LEN};
}

/* Three or two calls fill a page of 4096 bytes: 16 for the page; 8 for each
 * node, 2 for its place, 8 for its key.  A record changes its size several
 * times, and a page that has to be split for it stays half empty for good. */
static size_t room_of(size_t size)
{
	static const uint16_t rooms[] = {BOOK_CALL_ROOM, 2022};

	for (unsigned i = 0; i < sizeof(rooms) / sizeof(*rooms); i++)
		if (size <= rooms[i])
			return rooms[i];
	return size;
}

static void put_call(struct book *book, const struct call_record *call,
		     bool is_new)
{
	char key[CALL_KEY_LEN];
	struct store_room room = {room_of(call->head.size), is_new};
	struct slice value = {(const char *)call, call->head.size};

	store_put_room(book_begin(book), BOOK_CALL, key_of(call->id, key),
		       record_to_store(RECORD_CALL, value), room);
}

void book_put_call(struct book *book, const struct call_record *call)
{
	put_call(book, call, false);
}

void book_add_call(struct book *book, const struct call_record *call)
{
	put_call(book, call, true);
}

void book_del_call(struct book *book, uint64_t call)
{
	char key[CALL_KEY_LEN];

	store_del(book_begin(book), BOOK_CALL, key_of(call, key));
}

void book_put_tx(struct book *book, const struct tx_record *tx)
{
	char key[TX_KEY_LEN];

	store_put(book_begin(book), BOOK_PENDING,
		  tx_key_of(tx->call, tx->tx, key),
		  record_to_store(RECORD_TX, (struct slice){(const char *)tx,
							    tx->head.size}));
}

void book_del_tx(struct book *book, uint64_t call, uint16_t tx)
{
	char key[TX_KEY_LEN];

	store_del(book_begin(book), BOOK_PENDING, tx_key_of(call, tx, key));
}

void book_put_invite(struct book *book, const struct invite_record *invite)
{
	char key[CALL_KEY_LEN];

	struct slice value = {(const char *)invite, invite->head.size};

	store_put(book_begin(book), BOOK_INVITE, key_of(invite->call, key),
		  record_to_store(RECORD_INVITE, value));
}

void book_del_invite(struct book *book, uint64_t call)
{
	char key[CALL_KEY_LEN];

	store_del(book_begin(book), BOOK_INVITE, key_of(call, key));
}

void book_put_stream(struct book *book, const struct stream_record *stream)
{
	char key[CALL_KEY_LEN];

	store_put(book_begin(book), BOOK_STREAM,
		  key_of(stream->connection, key),
		  record_to_store(RECORD_STREAM,
				  (struct slice){(const char *)stream,
						 stream->head.size}));
}

void book_del_stream(struct book *book, uint64_t connection)
{
	char key[CALL_KEY_LEN];

	store_del(book_begin(book), BOOK_STREAM, key_of(connection, key));
}

void book_put_intake(struct book *book, char kind, uint64_t key, uint64_t value)
{
	char bytes[INTAKE_KEY_LEN];

	store_put(book_begin(book), BOOK_INTAKE,
		  intake_key_of(kind, key, bytes),
		  (struct slice){(const char *)&value, sizeof(value)});
}

void book_del_intake(struct book *book, char kind, uint64_t key)
{
	char bytes[INTAKE_KEY_LEN];

	store_del(book_begin(book), BOOK_INTAKE,
		  intake_key_of(kind, key, bytes));
}
