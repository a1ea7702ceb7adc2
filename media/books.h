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
/* Every 10 ms, a little of everything that goes by the clock: ports on offer,
 * ports taken and never used, silent streams, rows of calls that are gone. */
void books_round(struct media *media);

#endif
