/* SPDX-License-Identifier: Apache-2.0
 *
 * From the books to a batch of lines.
 */
#ifndef TOOLS_CDR_GATHER_H
#define TOOLS_CDR_GATHER_H

#include "shm/book.h"
#include "shm/cdr_page.h"
#include "tools/cdr_line.h"

struct cdr_gather {
	const char *run_dir;
	const char *host;
	enum cdr_format format;
	struct book *books[BOOK_MAX + 1]; /* by number; NULL not open */
	unsigned first;	       /* the book that is read first this time */
	uint64_t n_unreadable; /* ever */
	uint64_t told_later;   /* books with records of a later release */
};

/* Opens books that appeared since. */
void cdr_gather_open(struct cdr_gather *gather);
/* Fills the page's batch (bytes, len, upto) with the lines of all records
 * above what is acknowledged, as many as fit; with_header: after the header of
 * a new file.  Number of records taken, 0: there is nothing. */
unsigned cdr_gather(struct cdr_gather *gather, struct cdr_page *page,
		    bool with_header);

#endif
