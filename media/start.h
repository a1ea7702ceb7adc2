/* SPDX-License-Identifier: Apache-2.0
 *
 * Building the media worker up: engine and tables after the first
 * configuration, a slot when the master names it.
 */
#ifndef MEDIA_START_H
#define MEDIA_START_H

#include "media/media.h"

/* Takes the configuration in force; the first time it opens engine and tables,
 * and exits with a word when that cannot be. */
void media_configure(struct media *media);
/* media->served[slot], empty so far; NULL and a word in the log on error. */
void media_open_slot(struct media *media, unsigned slot);
/* All its sockets are there: rebuilds its streams, offers ports. */
void media_start_slot(struct media *media, struct served *served);
/* Listens to the bell of a slot that is served, if it is there. */
void media_watch_bell(struct media *media, unsigned slot);
void media_unwatch_bell(struct media *media, unsigned slot);
/* Lets go of a sibling's slot. */
void media_close_slot(struct media *media, unsigned slot);

#endif
