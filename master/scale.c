/* SPDX-License-Identifier: Apache-2.0
 *
 * Adding and retiring workers.  Called by start.c, reload.c and verbs.c in the
 * master.  The trap: a retired slot stays known (its book may hold calls and
 * its sockets may hold input), its heir serves it until the slot is wanted
 * again, which gives the book back.  See doc/decisions.
 */
#include "master/scale.h"

#include <stdio.h>
#include <string.h>

#include "master/owners.h"
#include "master/slots.h"

static bool needs_sockets(struct master *m, unsigned book, unsigned n)
{
	struct slot_id id = {SLOT_SIGNALLING, (uint8_t)book};

	return book <= n || master_slot(m, id)->is_known;
}

static int bind_books(struct master *m, const struct config *config,
		      unsigned n_signalling, char *why)
{
	int rc = 0;

	for (unsigned book = 1; book <= BOOK_MAX && rc == 0; book++) {
		if (needs_sockets(m, book, n_signalling))
			rc = sockets_bind(&m->sockets, config, book, why);
	}
	return rc;
}

static int prepare_kind(struct master *m, enum slot_kind kind, unsigned n,
			char *why)
{
	for (unsigned i = 1; i <= n; i++) {
		struct slot_id id = {(uint8_t)kind, (uint8_t)i};
		struct slot *slot = master_slot(m, id);
		int rc = slot_prepare(m, slot);

		if (rc < 0) {
			snprintf(why, SOCKETS_WHY_MAX,
				 "cannot make the rings of %s: %s", slot->name,
				 strerror(-rc));
			return rc;
		}
	}
	return 0;
}

int scale_prepare(struct master *m, const struct config *config,
		  unsigned n_signalling, unsigned n_media, char *why)
{
	unsigned n_before = m->sockets.n;
	int rc = bind_books(m, config, n_signalling, why);

	if (rc == 0)
		rc = prepare_kind(m, SLOT_SIGNALLING, n_signalling, why);
	if (rc == 0)
		rc = prepare_kind(m, SLOT_MEDIA, n_media, why);
	if (rc < 0)
		sockets_undo(&m->sockets, n_before);
	return rc;
}

void scale_want(struct master *m, unsigned n_signalling, unsigned n_media)
{
	m->n_signalling = n_signalling;
	m->n_media = n_media;
	for_each_slot(slot, m)
	{
		unsigned n =
			slot->id.kind == SLOT_MEDIA ? n_media : n_signalling;

		slot->is_wanted = slot->id.index <= n;
	}
}

void scale_apply(struct master *m, unsigned n_signalling, unsigned n_media)
{
	scale_want(m, n_signalling, n_media);
	pool_publish(m);
	slots_reconcile(m);
}
