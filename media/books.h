/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the books and the streams: reading wishes, hearing of changed ones,
 * telling of dead ones, keeping ports on offer.
 */
#ifndef MEDIA_BOOKS_H
#define MEDIA_BOOKS_H

#include "media/media.h"

/* Opens the books and rings that there are by now; what is open stays. */
void books_open(struct media *media);
/* A slot begins: its rings and every record that wishes it are looked at. */
void books_start(struct media *media, struct served *served);
/* Applies the wishes of all calls named in the rings. */
void books_look(struct media *media);
bool books_have_news(const struct media *media);
/* Producers shall (not) ring the doorbell. */
void books_sleep(struct media *media, bool is_asleep);
/* Ports: sees what was taken, fills up, takes back. */
void books_round(struct media *media);
/* Ends what has been silent for too long. */
void books_sweep(struct media *media);
/* Drops rows of calls whose record is gone. */
void books_tidy(struct media *media);

#endif
