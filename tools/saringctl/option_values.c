/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/options.h"

#include "base/str.h"
#include "saringctl/context.h"
#include "saringctl/moments.h"
#include "saringctl/suggest.h"
#include "wire/rrtype.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(((struct invocation *)NULL)->review) == MOMENT_TEXT_MAX &&
		  sizeof(((struct invocation *)NULL)->expires) == MOMENT_TEXT_MAX,
	      "room for a moment");

/* The daemon is told a time, however it was said. */
static bool parse_at(const char *text, int64_t now_s, struct invocation *in, struct err *err)
{
	int64_t time_s;
	if (!moment_parse("--at", MOMENT_ANY, text, now_s, &time_s, err))
		return false;
	str_from_time(time_s, in->at, sizeof(in->at));
	return true;
}

static bool takes_prefix(const struct command *command)
{
	return command->run == cmd_pause || command->run == cmd_resume || command->run == cmd_allow;
}

static bool parse_client(struct invocation *in, struct err *err)
{
	const char *text = in->client_word;
	struct addr a;
	struct prefix p;
	if (in->command->run == cmd_log) {
		(void)snprintf(in->client, sizeof(in->client), "%s", text);
		return prefix_from_text(str_from(text), &p) ||
		       err_set(err, ERR_USAGE, "--client: '%s' is no address and no prefix such as 192.0.2.0/24", text);
	}
	if (takes_prefix(in->command)) {
		if (!prefix_from_text(str_from(text), &p))
			return err_set(err, ERR_USAGE, "--client: '%s' is no address and no prefix such as 192.0.2.0/24", text);
		prefix_to_text(&p, in->client);
		return true;
	}
	if (!addr_from_text(str_from(text), 0, &a) || addr_port(&a) != 0)
		return err_set(err, ERR_USAGE, "--client: '%s' is no address", text);
	addr_host_to_text(&a, in->client);
	return true;
}

static bool parse_type(const char *text, struct invocation *in, struct err *err)
{
	uint16_t type;
	in->type = text;
	return rrtype_from_text(str_from(text), &type) ||
	       suggest(err, ERR_USAGE, str_from(text), type_words, type_word_count, "", "--type: '%s' is no record type", text);
}

static bool parse_match(const char *text, struct invocation *in, struct err *err)
{
	int match = terms_find(match_settable_words, str_from(text));
	if (match < 0)
		return suggest_word(err, text, match_settable_words, "--match: '%s' is not", text);
	in->has_match = true;
	in->match = (enum match)match;
	return true;
}

static bool parse_format(const char *text, struct invocation *in, struct err *err)
{
	const char *const *words = option_words(in->command, OPTION_FORMAT);
	int format = terms_find(words, str_from(text));
	if (format < 0)
		return suggest_word(err, text, words, "--format: '%s' is not", text);
	in->has_format = words == format_words;
	in->format = in->has_format ? (enum format)format : FORMAT_AUTO;
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

bool option_take(enum command_option option, const char *value, int64_t now_s, struct invocation *in, struct err *err)
{
	in->given |= OPTION_BIT(option);
	/* an empty value is a variable that a script forgot to set */
	if (value != NULL && value[0] == '\0')
		return err_set(err, ERR_USAGE, "--%s: the value is empty", options_table[option].name);
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
		return parse_type(value, in, err);
	case OPTION_CLIENT:
		in->client_word = value; /* what it may be, the verb says */
		return true;
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
		return moment_text("--review", MOMENT_AHEAD, value, now_s, in->review, err);
	case OPTION_EXPIRES:
		return moment_text("--expires", MOMENT_AHEAD, value, now_s, in->expires, err);
	case OPTION_DUE:
		return moment_parse("--due", MOMENT_SPAN, value, now_s, &in->due_s, err);
	case OPTION_FORMAT:
		in->format_word = value; /* what it means, the verb says */
		return true;
	case OPTION_SINCE:
		return moment_parse("--since", MOMENT_PAST, value, now_s, &in->since_s, err);
	case OPTION_UNTIL:
		return moment_parse("--until", MOMENT_PAST, value, now_s, &in->until_s, err);
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
	case OPTION_BLOCKED:
		in->blocked = true;
		return true;
	case OPTION_NAME:
		in->name = value;
		return true;
	case OPTION_INTERACTIVE:
		in->interactive = true;
		return true;
	case OPTION_RESET:
		in->reset = true;
		return true;
	case OPTION_GROUP:
		in->of_group = value;
		return true;
	case OPTION_LIST:
		in->of_list = value;
		return true;
	case OPTION_FOR:
		return moment_parse("--for", MOMENT_SPAN, value, now_s, &in->for_s, err);
	case OPTION_COUNT:
		break;
	}
	return err_set(err, ERR_INTERNAL, "an option without a meaning");
}

bool option_settle(struct invocation *in, struct err *err)
{
	if (in->client_word != NULL && !parse_client(in, err))
		return false;
	if (in->format_word == NULL)
		return true;
	if (in->command->run == cmd_report && in->json && strcmp(in->format_word, "json") != 0)
		return err_set(err, ERR_USAGE, "--json and --format %s are two forms; one is to be chosen", in->format_word);
	return parse_format(in->format_word, in, err);
}
