/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/commands.h"

#include "saringctl/context.h"
#include "base/str.h"
#include "wire/rrtype.h"

#include <assert.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define PROVENANCE_BITS                                                                                                         \
	(OPTION_BIT(OPTION_REASON) | OPTION_BIT(OPTION_AUTHORITY) | OPTION_BIT(OPTION_REFERENCE) | OPTION_BIT(OPTION_CONTACT) | \
	 OPTION_BIT(OPTION_REVIEW) | OPTION_BIT(OPTION_EXPIRES))
/* said of a change, for the audit log */
#define RECORD_BITS (OPTION_BIT(OPTION_REASON) | OPTION_BIT(OPTION_REFERENCE))

#define LIFT_BITS (RECORD_BITS | OPTION_BIT(OPTION_FORCE) | OPTION_BIT(OPTION_CLOSURE) | OPTION_BIT(OPTION_DRY_RUN))

const struct command commands_table[] = {
    {"status", NULL, "", 0, 0, 0, cmd_status, "is it up, what is loaded, how it does", NULL},
    {"check", NULL, "[FILE]", 0, 1, 0, cmd_check, "read configuration and lists without the daemon: errors and warnings",
     "FILE is a saring.yaml, which is checked with all its lists, or a YAML list, which is checked alone.\n"
     "Warnings: duplicates, entries covered by others, expired, past review, over-broad."},
    {"reload", NULL, "", 0, 0, RECORD_BITS, cmd_reload, "read configuration and lists again; on an error nothing changes", NULL},
    {"explain", NULL, "NAME", 1, 1,
     OPTION_BIT(OPTION_TYPE) | OPTION_BIT(OPTION_CLIENT) | OPTION_BIT(OPTION_AT) | OPTION_BIT(OPTION_OFFLINE) |
	 OPTION_BIT(OPTION_NO_ASK),
     cmd_explain, "what would be answered, and the entry that decides",
     "Every entry that matches and why it lost, how the answer comes about, and the bytes that would be sent.\n"
     "What the daemon does not know yet it is asked for, as any client would ask, unless --no-ask is given.",
     "why"},
    {"impact", NULL, "FILE|LIST|NAME...", 1, INT_MAX,
     OPTION_BIT(OPTION_FORMAT) | OPTION_BIT(OPTION_MATCH) | OPTION_BIT(OPTION_POPULAR), cmd_impact,
     "what a list, a file or names would hit, were they enforced",
     "Of the last day's queries, as the daemon has counted them; and which public suffixes, popular names and names of the\n"
     "operator's own would be blocked. Without the daemon the latter alone, and the exit status is 3."},
    {"list", NULL, "", 0, 0, 0, cmd_list, "the lists, as the daemon has them", NULL},
    {"list", "show", "LIST", 1, 1, OPTION_BIT(OPTION_UNUSED), cmd_list_show,
     "a list's entries with their provenance and how often each was hit",
     "With --unused only those that were never hit since counting began, which is said. Hits are the daemon's."},
    {"list", "add", "LIST NAME...", 2, INT_MAX, OPTION_BIT(OPTION_MATCH) | PROVENANCE_BITS | OPTION_BIT(OPTION_FORCE), cmd_list_add,
     "add names to a list's file; in force when it returns",
     "A name that was lifted or has expired is put in force again. A block list takes a public suffix (com, co.uk) only with "
     "--force."},
    {"list", "remove", "LIST NAME...", 2, INT_MAX, RECORD_BITS, cmd_list_remove, "remove names, as if they had never been there",
     NULL},
    {"list", "lift", "LIST [NAME...]", 1, INT_MAX, LIFT_BITS, cmd_list_lift, "no longer in force, kept for the record",
     "Without NAME the whole list is lifted. In a list that cannot be edited a name stays lifted until the list drops it.\n"
     "Then each name is asked for at the daemon's own listeners. What else still blocks is named, and lifted with --closure."},
    {"unblock", NULL, "NAME...", 1, INT_MAX, LIFT_BITS, cmd_unblock, "lift a name in every list that has it",
     "Needs --reason. As 'list lift' in each of these lists."},
    {"list", "mode", "LIST enforce|shadow|off", 2, 2, RECORD_BITS, cmd_list_mode,
     "enforce a list, only count what it would do, or leave it out", "Written to saring.yaml; in force when it returns."},
    {"list", "fetch", "[LIST...]", 0, INT_MAX, OPTION_BIT(OPTION_FORCE) | RECORD_BITS, cmd_list_fetch,
     "fetch lists with a url now, all or those named; in force when it returns",
     "A copy that has changed by more than the list's max-change, or of which little can be read, is taken only with --force."},
    {"list", "import", "LIST FILE", 2, 2, OPTION_BIT(OPTION_FORMAT) | PROVENANCE_BITS | OPTION_BIT(OPTION_FORCE), cmd_list_import,
     "add what a file of another format holds to a YAML list; in force when it returns",
     "FILE \"-\" is standard input. Says what was taken, changed and left out, and why, with line numbers."},
    {"list", "export", "LIST", 1, 1, OPTION_BIT(OPTION_FORMAT), cmd_list_export,
     "write a list in another format to standard output",
     "Without --format as YAML. What the format has no words for is left out, and said on standard error."},
    {"cache", NULL, "", 0, 0, 0, cmd_cache, "the cache in figures", NULL},
    {"cache", "flush", "[NAME]", 0, 1, RECORD_BITS, cmd_cache_flush, "empty the cache, or forget NAME and all below it", NULL},
    {"audit", NULL, "", 0, 0,
     OPTION_BIT(OPTION_SINCE) | OPTION_BIT(OPTION_UNTIL) | OPTION_BIT(OPTION_NUMBER) | OPTION_BIT(OPTION_FOLLOW), cmd_audit,
     "who changed what, when and why: the audit log",
     "The newest 100 records, oldest first. With the daemon down they are read from its files.\n"
     "With --follow the last ten, then each as it comes; with --json one document a line."},
    {"audit", "verify", "[PATH]", 0, 1, 0, cmd_audit_verify, "is the audit log what was written? Every damage with its place",
     "PATH is a folder of an audit log, or one file of it; otherwise that of the configuration's state directory is looked at."},
    {"report", NULL, "", 0, 0,
     OPTION_BIT(OPTION_SINCE) | OPTION_BIT(OPTION_UNTIL) | OPTION_BIT(OPTION_FORMAT) | OPTION_BIT(OPTION_OUTPUT), cmd_report,
     "a transparency report: what is blocked, on whose order, since when, and what was lifted",
     "--format is text, json or html; --since is 30 days ago when not given. The daemon need not run, but knows of hits."},
    {"review", NULL, "", 0, 0, OPTION_BIT(OPTION_DUE), cmd_review, "entries that are due to be looked at again, or about to end",
     "Read from the lists' files, with or without the daemon, which knows how often they were hit.\n"
     "Without --due what is past its review; with it also what is due, or ends by itself, within that time."},
    {"upstream", NULL, "", 0, 0, 0, cmd_upstream, "each upstream server: state, latency, sent, failed", NULL},
};
const size_t commands_count = ARRAY_LEN(commands_table);

struct option_row {
	char letter; /* 0: none */
	const char *name, *value, *help;
};
static const struct option_row options[OPTION_COUNT] = {
    [OPTION_CONFIG] = {'c', "config", "FILE", "the configuration (" SETTINGS_PATH_DEFAULT ")"},
    [OPTION_SOCKET] = {'s', "socket", "SOCKET", "the daemon's control socket (what FILE names)"},
    [OPTION_JSON] = {0, "json", NULL, "one JSON document on stdout"},
    [OPTION_HELP] = {'h', "help", NULL, "this text, or a verb's"},
    [OPTION_VERSION] = {'V', "version", NULL, "the version"},
    [OPTION_TYPE] = {0, "type", "T", "the type asked for, e.g. AAAA (A)"},
    [OPTION_CLIENT] = {0, "client", "ADDRESS", "as if this client asked"},
    [OPTION_MATCH] = {0, "match", "M", "subtree, exact or subdomains (what the list says, else subtree)"},
    [OPTION_REASON] = {0, "reason", "R", "why, in words a user can be shown"},
    [OPTION_AUTHORITY] = {0, "authority", "A", "who wants it"},
    [OPTION_REFERENCE] = {0, "reference", "U", "the order, ticket or article"},
    [OPTION_CONTACT] = {0, "contact", "C", "whom to ask about it; may be given again"},
    [OPTION_REVIEW] = {0, "review", "D", "when to look at it again: a date, a time, or so long from now (26w)"},
    [OPTION_EXPIRES] = {0, "expires", "D", "ends by itself: a date, a time (RFC 3339), or so long from now (7d)"},
    [OPTION_FORMAT] =
	{0, "format", "F",
	 "of a list: yaml, hosts, domains, wildcard, adblock, dnsmasq, unbound, rpz, auto; of a report: text, json, html"},
    [OPTION_CLOSURE] = {0, "closure", NULL, "lift everything else that blocks the service: above, below, siblings, other lists"},
    [OPTION_DRY_RUN] = {0, "dry-run", NULL, "say what would be done, and do nothing"},
    [OPTION_SINCE] = {0, "since", "D", "from a date, a time (RFC 3339), or so long ago (7d)"},
    [OPTION_UNTIL] = {0, "until", "D", "up to a date, a time, or so long ago"},
    [OPTION_NUMBER] = {'n', "number", "N", "at most so many, the newest"},
    [OPTION_FOLLOW] = {0, "follow", NULL, "go on, with each as it comes"},
    [OPTION_OUTPUT] = {'o', "output", "FILE", "write to FILE, which is replaced when all is written"},
    [OPTION_AT] = {0, "at", "TIME", "at another moment: a date, a time (RFC 3339), or so long from now (+2d, -1h)"},
    [OPTION_OFFLINE] = {0, "offline", NULL, "by the files, without the daemon"},
    [OPTION_NO_ASK] = {0, "no-ask", NULL, "ask the daemon's listener nothing"},
    [OPTION_DUE] = {0, "due", "D", "also what is due so soon, such as 30d"},
    [OPTION_FORCE] = {0, "force", NULL, "take a public suffix and a protected name too; a fetched list however much it changed"},
    [OPTION_POPULAR] = {0, "popular", "FILE", "names by how much they are used (what block.popular names)"},
    [OPTION_UNUSED] = {0, "unused", NULL, "only entries that were never hit"},
};

const char *command_name(const struct command *command, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s%s%s", command->verb, command->sub != NULL ? " " : "",
		       command->sub != NULL ? command->sub : "");
	return buf;
}

/* ---- help ---- */

static void help_options(FILE *out, uint64_t bits)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &options[i];
		if ((bits & OPTION_BIT(i)) == 0)
			continue;
		char left[64];
		(void)snprintf(left, sizeof(left), "%s%.1s%s--%s%s%s", row->letter != 0 ? "-" : "", &row->letter,
			       row->letter != 0 ? ", " : "    ", row->name, row->value != NULL ? " " : "",
			       row->value != NULL ? row->value : "");
		fprintf(out, "  %-24s %s\n", left, row->help);
	}
}

static void help_verbs(FILE *out, const char *group)
{
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *c = &commands_table[i];
		if (group != NULL && strcmp(c->verb, group) != 0)
			continue;
		char name[COMMAND_NAME_MAX], left[80];
		(void)snprintf(left, sizeof(left), "%s%s%s", command_name(c, name, sizeof(name)), c->operands[0] != '\0' ? " " : "",
			       c->operands);
		fprintf(out, "  %-36s %s%s%s%s\n", left, c->summary, c->alias != NULL ? " (also: " : "",
			c->alias != NULL ? c->alias : "", c->alias != NULL ? ")" : "");
	}
}

void commands_help(FILE *out, const char *group, const struct command *command)
{
	if (command == NULL) {
		fprintf(out, "usage: saringctl [-c FILE] [-s SOCKET] [--json] %s ...\n\n", group != NULL ? group : "VERB");
		help_verbs(out, group);
		fputs("\nOptions:\n", out);
		help_options(out, OPTION_BITS_GLOBAL);
		fputs("\n'saringctl VERB --help' says more of a verb; saringctl(1) says all.\n", out);
		return;
	}
	char name[COMMAND_NAME_MAX];
	fprintf(out, "usage: saringctl %s%s%s%s\n%s.\n", command_name(command, name, sizeof(name)),
		command->options != 0 ? " [OPTIONS]" : "", command->operands[0] != '\0' ? " " : "", command->operands,
		command->summary);
	if (command->alias != NULL)
		fprintf(out, "'%s' is the same.\n", command->alias);
	if (command->details != NULL)
		fprintf(out, "%s\n", command->details);
	fputs("\nOptions:\n", out);
	help_options(out, command->options);
	help_options(out, OPTION_BITS_GLOBAL);
}

/* ---- the values of options ---- */

#define AHEAD_MAX_S ((int64_t)100 * 366 * 86400)
#define DATE_TEXT_MAX 32

/* name: of the option. ret has DATE_TEXT_MAX bytes. */
static bool parse_date(const char *name, const char *text, int64_t now_s, char *ret, struct err *err)
{
	int64_t ms, time_s;
	must(text != NULL);
	if (str_to_time(str_from(text), &time_s, NULL)) {
		if (strlen(text) >= DATE_TEXT_MAX)
			return err_set(err, ERR_USAGE, "--%s: '%s' is longer than any time", name, text);
		memcpy(ret, text, strlen(text) + 1);
		return true;
	}
	if (!str_to_duration_ms(str_from(text), &ms) || ms < 1000)
		return err_set(err, ERR_USAGE,
			       "--%s: '%s' is no date (2027-01-31), no time (2027-01-31T12:00:00Z) and no duration (7d)", name,
			       text);
	if (ms / 1000 > AHEAD_MAX_S)
		return err_set(err, ERR_USAGE, "--%s: '%s' is over a hundred years", name, text);
	str_from_time(now_s + ms / 1000, ret, DATE_TEXT_MAX);
	return true;
}

static bool parse_due(const char *text, struct invocation *in, struct err *err)
{
	int64_t ms;
	if (!str_to_duration_ms(str_from(text), &ms) || ms / 1000 > AHEAD_MAX_S)
		return err_set(err, ERR_USAGE, "--due: '%s' is no duration, such as 30d, of at most a hundred years", text);
	in->due_s = ms / 1000;
	return true;
}

/* A moment, past or to come. */
static bool parse_at(const char *text, int64_t now_s, struct invocation *in, struct err *err)
{
	int64_t ms, time_s;
	must(text != NULL);
	bool back = text[0] == '-';
	if (str_to_time(str_from(text), &time_s, NULL)) {
		str_from_time(time_s, in->at, sizeof(in->at));
		return true;
	}
	if (!str_to_duration_ms(str_from(back || text[0] == '+' ? text + 1 : text), &ms))
		return err_set(err, ERR_USAGE,
			       "--at: '%s' is no date (2027-01-31), no time (2027-01-31T12:00:00Z) and no duration (+7d, -1h)",
			       text);
	if (ms / 1000 > (int64_t)100 * 366 * 86400)
		return err_set(err, ERR_USAGE, "--at: '%s' is over a hundred years", text);
	str_from_time(now_s + (back ? -ms : ms) / 1000, in->at, sizeof(in->at));
	return true;
}

static bool parse_client(const char *text, struct invocation *in, struct err *err)
{
	struct addr a;
	if (!addr_from_text(str_from(text), 0, &a) || addr_port(&a) != 0)
		return err_set(err, ERR_USAGE, "--client: '%s' is no address", text);
	addr_host_to_text(&a, in->client);
	return true;
}

static bool parse_match(const char *text, struct invocation *in, struct err *err)
{
	int match = terms_find(match_settable_words, str_from(text));
	if (match < 0)
		return err_set(err, ERR_USAGE, "--match: '%s' is not one of exact, subtree, subdomains", text);
	in->has_match = true;
	in->match = (enum match)match;
	return true;
}

static bool parse_format(const char *text, struct invocation *in, struct err *err)
{
	int format = terms_find(format_words, str_from(text));
	if (format < 0) {
		const char *near = str_nearest(str_from(text), format_words, FORMAT_COUNT);
		return err_set(err, ERR_USAGE, "--format: '%s' is no format%s%s%s", text, near != NULL ? "; did you mean '" : "",
			       near != NULL ? near : "", near != NULL ? "'?" : "");
	}
	in->has_format = true;
	in->format = (enum format)format;
	return true;
}

/* What the formats of report are, cmd_report.c says. */
static bool parse_report_format(const char *text, struct err *err)
{
	for (size_t i = 0; report_format_words[i] != NULL; i++) {
		if (strcmp(text, report_format_words[i]) == 0)
			return true;
	}
	return err_set(err, ERR_USAGE, "--format: '%s' is not one of text, json, html", text);
}

/* A moment that has passed: a date, a time, or so long ago. */
static bool parse_moment(const char *option, const char *text, int64_t now_s, int64_t *ret, struct err *err)
{
	int64_t ms;
	if (str_to_time(str_from(text), ret, NULL) && *ret > 0)
		return true;
	if (!str_to_duration_ms(str_from(text), &ms) || ms / 1000 >= now_s)
		return err_set(err, ERR_USAGE,
			       "--%s: '%s' is no date (2027-01-31), no time (2027-01-31T12:00:00Z) and no duration (7d)", option,
			       text);
	*ret = now_s - ms / 1000;
	return true;
}

static bool parse_number(const char *text, struct invocation *in, struct err *err)
{
	uint64_t number;
	if (!str_to_u64(str_from(text), &number) || number == 0 || number > COMMANDS_NUMBER_MAX)
		return err_set(err, ERR_USAGE, "-n: '%s' is no number from 1 to %d", text, COMMANDS_NUMBER_MAX);
	in->number = (size_t)number;
	return true;
}

static_assert(sizeof(((struct invocation *)NULL)->review) == DATE_TEXT_MAX &&
		  sizeof(((struct invocation *)NULL)->expires) == DATE_TEXT_MAX,
	      "room for a date");

static bool parse_option(enum command_option option, const char *value, int64_t now_s, struct invocation *in, struct err *err)
{
	uint16_t type;
	in->given |= OPTION_BIT(option);
	/* an empty value is a variable that a script forgot to set */
	if (value != NULL && value[0] == '\0')
		return err_set(err, ERR_USAGE, "--%s: the value is empty", options[option].name);
	switch (option) {
	case OPTION_CONFIG:
		in->config = value;
		return true;
	case OPTION_SOCKET:
		in->socket = value;
		return true;
	case OPTION_JSON:
		in->json = true;
		return true;
	case OPTION_HELP:
		in->help = true;
		return true;
	case OPTION_VERSION:
		in->version = true;
		return true;
	case OPTION_TYPE:
		in->type = value;
		return rrtype_from_text(str_from(value), &type) || err_set(err, ERR_USAGE, "--type: '%s' is no record type", value);
	case OPTION_CLIENT:
		return parse_client(value, in, err);
	case OPTION_MATCH:
		return parse_match(value, in, err);
	case OPTION_REASON:
		in->reason = value;
		return true;
	case OPTION_AUTHORITY:
		in->authority = value;
		return true;
	case OPTION_REFERENCE:
		in->reference = value;
		return true;
	case OPTION_CONTACT:
		if (in->contact_count == COMMANDS_CONTACT_MAX)
			return err_set(err, ERR_USAGE, "--contact: at most %d", COMMANDS_CONTACT_MAX);
		in->contact[in->contact_count++] = value;
		return true;
	case OPTION_REVIEW:
		return parse_date("review", value, now_s, in->review, err);
	case OPTION_EXPIRES:
		return parse_date("expires", value, now_s, in->expires, err);
	case OPTION_DUE:
		return parse_due(value, in, err);
	case OPTION_FORMAT:
		in->format_word = value; /* what it means, the verb says */
		return true;
	case OPTION_SINCE:
		return parse_moment("since", value, now_s, &in->since_s, err);
	case OPTION_UNTIL:
		return parse_moment("until", value, now_s, &in->until_s, err);
	case OPTION_NUMBER:
		return parse_number(value, in, err);
	case OPTION_FOLLOW:
		in->follow = true;
		return true;
	case OPTION_OUTPUT:
		in->output_path = value;
		return true;
	case OPTION_FORCE:
		in->force = true;
		return true;
	case OPTION_POPULAR:
		in->popular = value;
		return true;
	case OPTION_UNUSED:
		in->unused = true;
		return true;
	case OPTION_CLOSURE:
		in->closure = true;
		return true;
	case OPTION_DRY_RUN:
		in->dry_run = true;
		return true;
	case OPTION_AT:
		return parse_at(value, now_s, in, err);
	case OPTION_OFFLINE:
		in->offline = true;
		return true;
	case OPTION_NO_ASK:
		in->no_ask = true;
		return true;
	case OPTION_COUNT:
		break;
	}
	return err_set(err, ERR_INTERNAL, "an option without a meaning");
}

/* ---- options and operands apart ---- */

#define LONG_BASE 256 /* getopt_long's val of options[0] */

static bool unknown_option(const char *typed, struct err *err)
{
	const char *names[OPTION_COUNT];
	for (size_t i = 0; i < OPTION_COUNT; i++)
		names[i] = options[i].name;
	struct str word = str_from(typed);
	while (word.len > 0 && word.ptr[0] == '-') {
		word.ptr++;
		word.len--;
	}
	word = str_cut(&word, '=');
	const char *near = typed[0] == '-' && typed[1] == '-' ? str_nearest(word, names, OPTION_COUNT) : NULL;
	if (near != NULL)
		return err_set(err, ERR_USAGE, "unknown option '%s'; did you mean '--%s'?", typed, near);
	return err_set(err, ERR_USAGE, "unknown option '%s'", typed);
}

/* What getopt_long could not make sense of. */
static bool option_fault(int got, char **argv, struct err *err)
{
	const char *typed = argv[optind - 1];
	if (got == ':')
		return err_set(err, ERR_USAGE, "option '%s' needs a value", typed);
	if (optopt >= LONG_BASE && optopt < LONG_BASE + OPTION_COUNT)
		return err_set(err, ERR_USAGE, "option '--%s' takes no value", options[optopt - LONG_BASE].name);
	if (optopt > 0 && optopt < LONG_BASE) {
		char letter[3] = {'-', (char)optopt, '\0'};
		return unknown_option(letter, err);
	}
	return unknown_option(typed, err);
}

static bool parse_argv(int argc, char **argv, int64_t now_s, struct invocation *in, struct err *err)
{
	struct option_row const *row = options;
	struct option long_options[OPTION_COUNT + 1];
	char letters[2 * OPTION_COUNT + 3] =
	    "-:"; /* "-": operands in their order, whatever POSIXLY_CORRECT says; ":": no messages */
	size_t end = 2;
	memset(long_options, 0, sizeof(long_options));
	for (int i = 0; i < OPTION_COUNT; i++, row++) {
		long_options[i].name = row->name;
		long_options[i].has_arg = row->value != NULL ? required_argument : no_argument;
		long_options[i].val = LONG_BASE + i;
		if (row->letter != 0) {
			letters[end++] = row->letter;
			if (row->value != NULL)
				letters[end++] = ':';
		}
	}
	optind = 0; /* GNU: begin anew */
	opterr = 0;
	for (;;) {
		int got = getopt_long(argc, argv, letters, long_options, NULL);
		if (got == -1)
			break;
		if (got == 1) {
			in->operands[in->operand_count++] = optarg;
			continue;
		}
		int option = got >= LONG_BASE ? got - LONG_BASE : -1;
		for (int i = 0; i < OPTION_COUNT && option < 0; i++)
			option = got == options[i].letter && got != 0 ? i : -1;
		if (option < 0)
			return option_fault(got, argv, err);
		if (!parse_option((enum command_option)option, optarg, now_s, in, err))
			return false;
	}
	while (optind < argc)
		in->operands[in->operand_count++] = argv[optind++];
	return true;
}

/* ---- the verb ---- */

static const struct command *find(const char *verb, const char *sub)
{
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *c = &commands_table[i];
		bool same = sub == NULL ? c->sub == NULL : c->sub != NULL && strcmp(c->sub, sub) == 0;
		if (same && (strcmp(c->verb, verb) == 0 || (c->alias != NULL && strcmp(c->alias, verb) == 0)))
			return c;
	}
	return NULL;
}

static bool unknown_verb(const char *verb, const char *sub, struct err *err)
{
	const char *words[64];
	size_t count = 0;
	static_assert(ARRAY_LEN(commands_table) <= ARRAY_LEN(words), "room for every verb");
	for (size_t i = 0; i < commands_count; i++) {
		const struct command *c = &commands_table[i];
		if (sub == NULL && c->sub == NULL)
			words[count++] = c->verb;
		else if (sub != NULL && c->sub != NULL && strcmp(c->verb, verb) == 0)
			words[count++] = c->sub;
	}
	const char *near = str_nearest(str_from(sub != NULL ? sub : verb), words, count);
	if (sub == NULL)
		return near == NULL ? err_set(err, ERR_USAGE, "unknown verb '%s'", verb)
				    : err_set(err, ERR_USAGE, "unknown verb '%s'; did you mean '%s'?", verb, near);
	return near == NULL ? err_set(err, ERR_USAGE, "unknown verb '%s %s'", verb, sub)
			    : err_set(err, ERR_USAGE, "unknown verb '%s %s'; did you mean '%s %s'?", verb, sub, verb, near);
}

bool commands_has_subverbs(const char *verb)
{
	for (size_t i = 0; i < commands_count; i++) {
		if (commands_table[i].sub != NULL && strcmp(commands_table[i].verb, verb) == 0)
			return true;
	}
	return false;
}

static void drop_operands(struct invocation *in, size_t count)
{
	in->operand_count -= count;
	memmove(in->operands, in->operands + count, in->operand_count * sizeof(in->operands[0]));
}

static bool parse_verb(struct invocation *in, struct err *err)
{
	if (in->operand_count == 0) {
		if (in->help || in->version)
			return true;
		return err_set(err, ERR_USAGE, "no verb given");
	}
	const char *verb = in->operands[0], *sub = in->operand_count > 1 ? in->operands[1] : NULL;
	const struct command *plain = find(verb, NULL);
	if (plain == NULL)
		return unknown_verb(verb, NULL, err);
	in->group = plain->verb;
	if (sub != NULL && commands_has_subverbs(verb)) {
		in->command = find(verb, sub);
		if (in->command == NULL)
			return unknown_verb(verb, sub, err);
		drop_operands(in, 2);
		return true;
	}
	in->command = plain;
	drop_operands(in, 1);
	return true;
}

static bool check_options(const struct invocation *in, struct err *err)
{
	char name[COMMAND_NAME_MAX];
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if ((in->given & OPTION_BIT(i)) != 0 && ((in->command->options | OPTION_BITS_GLOBAL) & OPTION_BIT(i)) == 0)
			return err_set(err, ERR_USAGE, "'%s' has no option '--%s'", command_name(in->command, name, sizeof(name)),
				       options[i].name);
	}
	return true;
}

static bool check_operands(const struct invocation *in, struct err *err)
{
	const struct command *c = in->command;
	char name[COMMAND_NAME_MAX];
	if (in->operand_count < c->min)
		return err_set(err, ERR_USAGE, "'%s' needs %s", command_name(c, name, sizeof(name)), c->operands);
	if (in->operand_count > c->max)
		return err_set(err, ERR_USAGE, "'%s': unexpected '%s'", command_name(c, name, sizeof(name)), in->operands[c->max]);
	for (size_t i = 0; i < in->operand_count; i++) {
		if (in->operands[i][0] == '\0')
			return err_set(err, ERR_USAGE, "'%s': an operand is empty", command_name(c, name, sizeof(name)));
	}
	return true;
}

bool commands_parse(int argc, char **argv, int64_t now_s, struct invocation *ret, struct err *err)
{
	*ret = (struct invocation){.operands = base_alloc(((size_t)argc + 1) * sizeof(char *))};
	if (!parse_argv(argc, argv, now_s, ret, err) || !parse_verb(ret, err))
		return false;
	if (ret->command == NULL || ret->help || ret->version)
		return true;
	if (!check_options(ret, err) || !check_operands(ret, err))
		return false;
	if (ret->format_word == NULL)
		return true;
	if (ret->command->run == cmd_report && ret->json && strcmp(ret->format_word, "json") != 0)
		return err_set(err, ERR_USAGE, "--json and --format %s are two forms; one is to be chosen", ret->format_word);
	return ret->command->run == cmd_report ? parse_report_format(ret->format_word, err)
					       : parse_format(ret->format_word, ret, err);
}

void invocation_finish(struct invocation *in)
{
	free(in->operands);
	in->operands = NULL;
	in->operand_count = 0;
}
