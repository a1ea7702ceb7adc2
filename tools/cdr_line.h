/* SPDX-License-Identifier: Apache-2.0
 *
 * A call record as a line of a file: pure, no file and no clock.
 */
#ifndef TOOLS_CDR_LINE_H
#define TOOLS_CDR_LINE_H

#include "base/str.h"
#include "shm/schema.h"

#define CDR_COLUMNS_VERSION 1
#define CDR_LINE_MAX	    16384 /* if every byte of a record had to be escaped */

enum cdr_format {
	CDR_CSV,
	CDR_JSON
};

/* Names and meanings of the columns, NULL at the end. */
extern const char *const cdr_column_names[];
extern const char *const cdr_column_helps[];

/* The first line of a CSV file, with its line feed. */
void cdr_write_header(struct out *out);
/* The record's line, with its line feed. */
void cdr_write_line(const struct cdr_record *cdr, enum cdr_format format,
		    const char *host, struct out *out);

#endif
