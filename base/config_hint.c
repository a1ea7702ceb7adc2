/* SPDX-License-Identifier: Apache-2.0
 *
 * What was probably meant by a value or a name that cannot be: one function
 * for each kind of mistake, called by the readers (config_value.c,
 * config_list.c, config_sections.c) when they refuse.  Each writes
 * "; did you mean …?" or another advice into buf, or nothing, and returns buf.
 * Trap: a hint is advice only; nothing is ever taken for what it suggests.
 */
#include "base/config_build.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* ---- any value -------------------------------------------------------- */

/* Quotes as word processors and mail programs make them. */
static const char *const fancy_quotes[] = {"\u201c", "\u201d", "\u201e",
					   "\u2018", "\u2019"};

const char *config_hint_value(const char *text, char *buf, size_t size)
{
	*buf = '\0';
	for (size_t i = 0; i < sizeof(fancy_quotes) / sizeof(*fancy_quotes);
	     i++)
		if (strstr(text, fancy_quotes[i]))
			snprintf(buf, size, "; a quote is the plain \"");
	if (strstr(text, " #") || strstr(text, "\t#") || strstr(text, " //") ||
	    strstr(text, "\t//"))
		snprintf(buf, size,
			 "; a comment after a value begins with \";\"");
	return buf;
}

/* ---- durations -------------------------------------------------------- */

static const struct {
	const char *word, *unit;
} unit_words[] = {
	{"ms", "ms"},	  {"msec", "ms"},   {"msecs", "ms"}, {"millis", "ms"},
	{"s", "s"},	  {"sec", "s"},	    {"secs", "s"},   {"second", "s"},
	{"seconds", "s"}, {"m", "m"},	    {"min", "m"},    {"mins", "m"},
	{"minute", "m"},  {"minutes", "m"}, {"h", "h"},	     {"hr", "h"},
	{"hrs", "h"},	  {"hour", "h"},    {"hours", "h"},  {"d", "d"},
	{"day", "d"},	  {"days", "d"},
};

const char *config_hint_duration(const char *text, char *buf, size_t size)
{
	size_t digits = strspn(text, "0123456789");
	const char *unit = text + digits + strspn(text + digits, " \t");

	*buf = '\0';
	for (size_t i = 0;
	     digits && i < sizeof(unit_words) / sizeof(*unit_words); i++)
		if (!strcasecmp(unit, unit_words[i].word))
			snprintf(buf, size, "; did you mean \"%.*s%s\"?",
				 (int)digits, text, unit_words[i].unit);
	return buf;
}

/* ---- addresses -------------------------------------------------------- */

static bool is_ipv6(struct slice text)
{
	struct addr addr;

	return addr_parse_host(text, 1, &addr) == 0 &&
	       addr.sa.sa_family == AF_INET6;
}

/* "2001:db8::1:5060": an address and, after the last colon, what may well be
 * meant for a port (four or five decimal digits). */
static bool is_ipv6_with_port(const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? strlen(colon + 1) : 0;

	return colon && len >= 4 && len <= 5 &&
	       strspn(colon + 1, "0123456789") == len &&
	       is_ipv6((struct slice){text, (size_t)(colon - text)});
}

const char *config_hint_ipv6_port(const char *text, char *buf, size_t size)
{
	const char *colon = strrchr(text, ':');

	*buf = '\0';
	if (*text != '[' && is_ipv6_with_port(text))
		snprintf(buf, size, "; did you mean \"[%.*s]:%s\"?",
			 (int)(colon - text), text, colon + 1);
	return buf;
}

static bool is_port_wrong(const char *text)
{
	const char *colon = strrchr(text, ':');

	return colon && colon != text && colon[1] &&
	       !colon[1 + strspn(colon + 1, "0123456789")] &&
	       (strlen(colon + 1) > 5 || atol(colon + 1) > UINT16_MAX ||
		atol(colon + 1) == 0);
}

const char *config_hint_peer(const char *text, char *buf, size_t size)
{
	*buf = '\0';
	if (strchr(text, ','))
		snprintf(buf, size,
			 "; one address only: each further one is a section "
			 "of its own");
	else if (!strncasecmp(text, "sip:", 4) ||
		 !strncasecmp(text, "sips:", 5))
		snprintf(buf, size, "; leave \"%.*s:\" out",
			 (int)strcspn(text, ":"), text);
	else if (strpbrk(text, "/;"))
		snprintf(buf, size,
			 "; the transport is a key of its own: transport = "
			 "tcp");
	else if (*text == '[' && !strchr(text, ']'))
		snprintf(buf, size, "; the ] is missing");
	else if (is_port_wrong(text))
		snprintf(buf, size, "; a port is a number from 1 to 65535");
	return buf;
}

const char *config_hint_listen(const char *text, char *buf, size_t size)
{
	const char *port = *text == '*' ? text + 1 : text;

	port += *port == ':';
	if (*port && !port[strspn(port, "0123456789")])
		snprintf(buf, size,
			 "; did you mean \"0.0.0.0:%s\" (every address; it "
			 "needs \"advertise\")?",
			 port);
	else if (!*config_hint_ipv6_port(text, buf, size))
		config_hint_peer(text, buf, size);
	return buf;
}

/* ---- names ------------------------------------------------------------ */

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

/* The same without quotes, and with "-" where something else may not be. */
const char *config_hint_name(struct slice name, char *buf, size_t size)
{
	char meant[64];
	size_t n = 0;

	*buf = '\0';
	for (size_t i = 0; i < name.len && n + 1 < sizeof(meant); i++) {
		if (is_name_char(name.ptr[i]))
			meant[n++] = name.ptr[i];
		else if (name.ptr[i] == ' ' || name.ptr[i] == '\t' ||
			 name.ptr[i] == '/' || name.ptr[i] == ':')
			meant[n++] = '-';
	}
	meant[n] = '\0';
	if (n)
		snprintf(buf, size, "; did you mean \"%s\"?", meant);
	return buf;
}

/* Several names with blanks or semicolons between them. */
const char *config_hint_list(const char *text, char *buf, size_t size)
{
	*buf = '\0';
	if (strpbrk(text, " \t;"))
		snprintf(buf, size,
			 "; the items of a list are separated by commas");
	return buf;
}

/* ---- patterns --------------------------------------------------------- */

/* A telephone number's +, and * as shells understand it. */
const char *config_hint_pattern(const char *text, size_t offset, char *buf,
				size_t size)
{
	*buf = '\0';
	if (offset > strlen(text))
		return buf;
	if (text[offset] == '+' && (!offset || strchr("^(|", text[offset - 1])))
		snprintf(buf, size, "; a plus itself is written \\+");
	else if (!offset && *text == '*')
		snprintf(buf, size, "; any number is .*");
	return buf;
}
