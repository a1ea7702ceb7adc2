/* SPDX-License-Identifier: Apache-2.0
 *
 * See log_limit.h.  Called by base/log.c in every process, for warnings and
 * errors: what a peer or a broken disk can repeat without end.  Lines of level
 * notice and below have one cause each (a call, an order) and are not held.
 * A bucket of lines for each event name, filled as time goes.
 * The trap: names are compared as text, since the same literal has an address
 * in each file.
 */
#include "base/log_limit.h"

#include <string.h>

#include "base/clock.h"

#define FILL_US (USEC_PER_SEC / LOG_LIMIT_PER_S) /* for one line */

static struct bucket {
	char event[LOG_LIMIT_NAME_MAX]; /* "" free */
	uint64_t filled_us;		/* up to then */
	unsigned lines;
	uint64_t n_held;
} buckets[LOG_LIMIT_EVENTS];

/* The last is everybody's who comes too late. */
static struct bucket *bucket_of(const char *event, uint64_t now_us)
{
	unsigned i = 0;

	while (i < LOG_LIMIT_EVENTS - 1 && *buckets[i].event &&
	       strncmp(buckets[i].event, event, LOG_LIMIT_NAME_MAX - 1) != 0)
		i++;
	if (!*buckets[i].event) {
		strncpy(buckets[i].event, event, LOG_LIMIT_NAME_MAX - 1);
		buckets[i].lines = LOG_LIMIT_BURST;
		buckets[i].filled_us = now_us;
	}
	return &buckets[i];
}

static void fill(struct bucket *bucket, uint64_t now_us)
{
	uint64_t n = now_us > bucket->filled_us
			     ? (now_us - bucket->filled_us) / FILL_US
			     : 0;

	bucket->filled_us += n * FILL_US;
	bucket->lines = n > LOG_LIMIT_BURST - bucket->lines
				? LOG_LIMIT_BURST
				: bucket->lines + (unsigned)n;
}

bool log_limit_pass(const char *event, uint64_t now_us, uint64_t *ret_held)
{
	struct bucket *bucket = bucket_of(event, now_us);

	fill(bucket, now_us);
	if (bucket->lines == 0) {
		bucket->n_held++;
		return false;
	}
	bucket->lines--;
	*ret_held = bucket->n_held;
	bucket->n_held = 0;
	return true;
}
