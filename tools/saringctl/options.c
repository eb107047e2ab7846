/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/options.h"

#include "saringctl/context.h"
#include "settings/load.h"
#include "wire/rrtype.h"

const char *const type_words[] = {
#define X(name, value) #name,
    RRTYPE_TABLE(X)
#undef X
	NULL};
const size_t type_word_count = ARRAY_LEN(type_words) - 1;

const struct option_row options_table[OPTION_COUNT] = {
    [OPTION_CONFIG] = {'c', "config", "FILE", "the configuration (" SETTINGS_PATH_DEFAULT ")"},
    [OPTION_SOCKET] = {'s', "socket", "SOCKET", "the daemon's control socket (what FILE names)"},
    [OPTION_JSON] = {0, "json", NULL, "one JSON document on stdout"},
    [OPTION_HELP] = {'h', "help", NULL, "this text, or a verb's"},
    [OPTION_VERSION] = {'V', "version", NULL, "the version"},
    [OPTION_TYPE] = {0, "type", "T", "the type asked for, e.g. AAAA (A)", type_words},
    [OPTION_CLIENT] = {0, "client", "ADDRESS", "as if this client asked; of log and pauses: for it alone, or for all in a prefix"},
    [OPTION_MATCH] = {0, "match", "M", "subtree, exact or subdomains (what the list says, else subtree)", match_settable_words},
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
    [OPTION_BLOCKED] = {0, "blocked", NULL, "only what was blocked, or would have been by a list in mode shadow"},
    [OPTION_NAME] = {0, "name", "N", "only this name and all below it"},
    [OPTION_INTERACTIVE] = {'i', "interactive", NULL, "on the whole terminal, refreshed in place; q ends it"},
    [OPTION_RESET] = {0, "reset", NULL, "forget the figures, and begin anew"},
    [OPTION_GROUP] = {0, "group", "GROUP", "only for the clients of that group"},
    [OPTION_LIST] = {0, "list", "LIST", "only that list"},
    [OPTION_FOR] = {0, "for", "D", "so long, such as 30m"},
    [OPTION_UNUSED] = {0, "unused", NULL, "only entries that were never hit"},
};

const char *const *option_words(const struct command *command, enum command_option option)
{
	if (option == OPTION_FORMAT)
		return command != NULL && command->run == cmd_report ? report_format_words : format_words;
	return options_table[option].words;
}
