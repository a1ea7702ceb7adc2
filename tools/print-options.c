/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints what base/options.def says, for people: `print-options ini` the
 * installed pool.ini, `print-options man` the option part of pool.ini(5).
 * Run by `make update-options`; the test printed-options compares its output
 * with the files in the tree, so that neither can go stale.  Not installed.
 */
#include <stdio.h>
#include <string.h>

#include "base/options.h"

/* ---- pool.ini --------------------------------------------------------- */

struct setting {
	const char *key, *value;
};

/* A section of the installed file.  What is set there makes a pool that works
 * on loopback; everything else is shown as a comment with its default. */
struct block {
	enum option_section section;
	const char *heading;
	bool is_active;
	const char *note; /* printed above, NULL: the help of its kind */
	struct setting settings[3];
};

static const struct block blocks[] = {
	{SECTION_POOL, "[pool]", true, NULL, {{NULL, NULL}}},
	{SECTION_LISTEN,
	 "[listen internal]",
	 true,
	 "Addresses towards the front ends.",
	 {{"udp", "127.0.0.1:5070"}, {"tcp", "127.0.0.1:5070"}}},
	{SECTION_LISTEN,
	 "[listen gateway]",
	 true,
	 "Addresses towards gateways, PBXs and carriers.",
	 {{"udp", "127.0.0.1:5068"}, {"tcp", "127.0.0.1:5068"}}},
	{SECTION_MEDIA, "[media]", true, NULL, {{NULL, NULL}}},
	{SECTION_FRONTEND,
	 "[frontend fe1]",
	 true,
	 NULL,
	 {{"address", "127.0.0.1:5060"}, {"transport", "tcp"}}},
	{SECTION_GATEWAY,
	 "[gateway sim1]",
	 true,
	 "Two gateways that the pool itself plays, to try it out. Replace them "
	 "by yours.",
	 {{"address", "127.0.0.1:5066"},
	  {"transport", "udp"},
	  {"kind", "simulated"}}},
	{SECTION_GATEWAY,
	 "[gateway sim2]",
	 true,
	 "",
	 {{"address", "127.0.0.1:5067"},
	  {"transport", "tcp"},
	  {"kind", "simulated"}}},
	{SECTION_TRUNK, "[trunk *]", false, NULL, {{NULL, NULL}}},
	{SECTION_ROUTE,
	 "[route national]",
	 false,
	 NULL,
	 {{"match", "^\\+1\\d{10}$"}, {"trunks", "carrier, sim2"}}},
	{SECTION_TRANSLATION,
	 "[translation no-plus]",
	 false,
	 NULL,
	 {{NULL, NULL}}},
	{SECTION_RESPONSE,
	 "[response busy-here]",
	 false,
	 NULL,
	 {{"received", "480"}, {"translated", "486"}}},
	{SECTION_SITE, "[site berlin]", false, NULL, {{NULL, NULL}}},
	{SECTION_TLS, "[tls]", false, NULL, {{NULL, NULL}}},
	{SECTION_CDR,
	 "[cdr]",
	 false,
	 NULL,
	 {{"directory", "/var/log/mspool/cdr"}}},
	{SECTION_METRICS, "[metrics]", false, NULL, {{NULL, NULL}}},
	{SECTION_HEP, "[hep]", false, NULL, {{NULL, NULL}}},
	{SECTION_CLUSTER, "[cluster]", false, NULL, {{NULL, NULL}}},
};

#define N_BLOCKS (sizeof(blocks) / sizeof(blocks[0]))
#define WIDTH	 78

static const char *const preface[] = {
	"The configuration of an mspool pool; pool.ini(5) has all of it.",
	"",
	"mspoold -t checks it, mspoolctl reload applies it.",
	"",
	"This file works as it is, on loopback only, with two simulated "
	"gateways. Lines that begin with ;key show the default. Further files: "
	"pool.d/*.ini beside this one, in the order of their names.",
};

static size_t word_len(const char *text)
{
	return strcspn(text, " ");
}

/* Text as comment lines of at most WIDTH columns. */
static void print_comment(const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t len = word_len(text);

		if (column && column + 1 + len > WIDTH) {
			putchar('\n');
			column = 0;
		}
		column += (size_t)printf("%s%.*s", column ? " " : "; ",
					 (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
	puts(column ? "" : ";");
}

static const char *set_in(const struct block *block, const char *key)
{
	for (size_t i = 0; i < 3 && block->settings[i].key; i++)
		if (!strcmp(block->settings[i].key, key))
			return block->settings[i].value;
	return NULL;
}

/* "(none)" -> "none": said in words, so not a value. */
static void print_words(const char *by_default)
{
	size_t len = strlen(by_default);

	printf("; %.*s", (int)len - 2, by_default + 1);
}

static void print_setting(const struct block *block,
			  const struct option *option)
{
	const char *value = set_in(block, option->key);

	if (!block->is_active || !value)
		putchar(';');
	printf("%s = ", option->key);
	if (!value)
		value = option->by_default;
	if (!value)
		value = "";
	if (*value == '(')
		print_words(value);
	else
		printf("%s", value);
	putchar('\n');
}

static void print_values(const struct option *option)
{
	char values[320];

	if (option->type == OPTION_TEXT)
		return;
	option_value_text(option, values, sizeof(values));
	printf(";   %s%s\n", values,
	       option->flags & OPTION_LATER ? " (used by a later release)"
					    : "");
}

/* A gateway's keys are explained once, at the first. */
static bool is_repeated(size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (blocks[i].section == blocks[index].section)
			return true;
	return false;
}

static void print_block(size_t index)
{
	const struct block *block = &blocks[index];
	const char *note = block->note ? block->note
				       : option_sections[block->section].help;
	unsigned n;
	const struct option *options = options_of(block->section, &n);

	puts("");
	if (*note)
		print_comment(note);
	printf("%s%s\n", block->is_active ? "" : ";", block->heading);
	for (unsigned i = 0; i < n; i++) {
		if (block->section == SECTION_TRUNK &&
		    (!strcmp(options[i].key, "gateway") ||
		     !strcmp(options[i].key, "port")))
			continue; /* [trunk *] takes neither */
		if (!is_repeated(index)) {
			puts("");
			print_comment(options[i].help);
			print_values(&options[i]);
		} else if (!set_in(block, options[i].key)) {
			continue;
		}
		print_setting(block, &options[i]);
	}
}

static void print_trunk_example(void)
{
	puts("");
	print_comment("A trunk of its own; what it does not say it takes from "
		      "[trunk *].");
	puts(";[trunk carrier]");
	puts(";gateway = sim1");
	puts(";port = 5069");
}

static int print_ini(void)
{
	for (size_t i = 0; i < sizeof(preface) / sizeof(preface[0]); i++)
		print_comment(preface[i]);
	for (size_t i = 0; i < N_BLOCKS; i++) {
		print_block(i);
		if (blocks[i].section == SECTION_TRUNK)
			print_trunk_example();
	}
	return 0;
}

/* ---- pool.ini(5) ------------------------------------------------------ */

/* Text for roff: a sentence a line, none of which begins with a control
 * character, and backslashes and hyphens that are to be seen as such. */
static void print_roff(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++) {
		if (text[0] == '.' && text[1] == ' ') {
			puts(".");
			text++;
		} else if (*text == '\\') {
			fputs("\\e", stdout);
		} else if (*text == '-') {
			fputs("\\-", stdout);
		} else {
			putchar(*text);
		}
	}
}

static void print_man_default(const struct option *option)
{
	fputs("Default: ", stdout);
	if (!option->by_default)
		fputs("none; it must be given", stdout);
	else if (*option->by_default == '(')
		printf("%.*s", (int)strlen(option->by_default) - 2,
		       option->by_default + 1);
	else
		print_roff(option->by_default);
	puts(".");
}

static void print_man_text(const char *text)
{
	print_roff(text);
	puts("");
}

static void print_man_option(const struct option *option)
{
	char values[320];

	printf(".It Ic %s\n", option->key);
	print_man_text(option->help);
	option_value_text(option, values, sizeof(values));
	fputs("Value: ", stdout);
	print_roff(values);
	puts(".");
	print_man_default(option);
	if (option->flags & OPTION_LATER)
		puts("Checked now, used by a later release.");
	if (option->flags & OPTION_RESTART)
		puts("A reload refuses a change: it takes a restart.");
}

static void print_man_section(enum option_section section)
{
	const struct option_section_row *row = &option_sections[section];
	unsigned n;
	const struct option *options = options_of(section, &n);

	printf(".Ss [%s%s]\n", row->kind,
	       row->naming == NAMELESS ? ""
	       : row->naming == FIXED  ? " internal], [listen gateway"
				       : " NAME");
	print_man_text(row->help);
	puts(".Bl -tag -width Ds");
	for (unsigned i = 0; i < n; i++)
		print_man_option(&options[i]);
	puts(".El");
}

static int print_man(void)
{
	for (unsigned i = 0; i < N_OPTION_SECTIONS; i++)
		print_man_section((enum option_section)i);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "ini"))
		return print_ini();
	if (argc == 2 && !strcmp(argv[1], "man"))
		return print_man();
	fprintf(stderr, "usage: print-options ini | man\n");
	return 2;
}
