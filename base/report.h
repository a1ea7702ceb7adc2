/* SPDX-License-Identifier: Apache-2.0
 *
 * What is wrong with a configuration, and where: collected in any order,
 * printed in the order of the files as "file:line:column: error: …".
 */
#ifndef BASE_REPORT_H
#define BASE_REPORT_H

#include <stdbool.h>

struct report_file {
	const char *name; /* must outlive the report */
	unsigned index;	  /* files are told in this order */
};

struct report_place {
	const struct report_file *file;
	unsigned line, column; /* from 1; columns are bytes */
};

struct report;
struct config_report;

struct report *report_new(void);
struct report *report_free(struct report *report);
/* The text is one line without a full stop.  Without memory the message is
 * lost but counted. */
void report_error(struct report *report, struct report_place at,
		  const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void report_warning(struct report *report, struct report_place at,
		    const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool report_has_errors(const struct report *report);
/* The text of all, malloc'd into *ret; a report can be finished once. */
void report_finish(struct report *report, struct config_report *ret);
/* A report of one line that belongs to no place in a file. */
void report_only(struct config_report *ret, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
