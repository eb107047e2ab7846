/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/hits_seen.h"

#include "base/siphash.h"

#include <stdlib.h>
#include <string.h>

/* A place of the table: what is written there is borrowed from the reply. */
struct seen {
	const char *text, *match; /* text NULL: nobody's */
	const json_t *hit;
};

static size_t place_of(const struct hits_seen *h, const char *text, const char *match)
{
	static const struct siphash_key key = {1,
					       2}; /* the daemon bounds how many there are; nobody gains by a slow look-up here */
	size_t at = siphash13(&key, text, strlen(text)) & (h->place_count - 1);

	while (h->places[at].text != NULL && (strcmp(h->places[at].text, text) != 0 || strcmp(h->places[at].match, match) != 0))
		at = (at + 1) & (h->place_count - 1);
	return at;
}

static void put(struct hits_seen *h, const char *text, const char *match, const json_t *hit)
{
	if (text[0] == '\0')
		return;
	struct seen *s = &h->places[place_of(h, text, match)];
	if (s->text == NULL) /* of two that are written alike the one hit more often stands first */
		*s = (struct seen){text, match, hit};
}

bool hits_seen_load(struct context *ctx, const char *list, struct hits_seen *ret, struct err *err)
{
	struct err_list errors = {0};
	json_t *args = json_pack("{s:s}", "list", list), *hit;
	size_t i;

	*ret = (struct hits_seen){.reply = NULL};
	must(args != NULL);
	if (context_socket(ctx) == NULL) {
		json_decref(args);
		return err_set(err, ERR_INPUT, "the control socket is not known");
	}
	bool good = context_ask(ctx, "hits", args, NULL, &ret->reply, &errors, err);
	err_list_finish(&errors);
	if (!good)
		return false;
	const json_t *entries = json_object_get(ret->reply, "entries");
	for (ret->place_count = 16; ret->place_count < 4 * json_array_size(entries);)
		ret->place_count *= 2;
	ret->places = base_alloc(ret->place_count * sizeof(struct seen));
	json_array_foreach(entries, i, hit)
	{
		put(ret, field_text(hit, "entry"), field_text(hit, "match"), hit);
		put(ret, field_text(hit, "name"), field_text(hit, "match"), hit);
	}
	return true;
}

void hits_seen_finish(struct hits_seen *h)
{
	json_decref(h->reply);
	free(h->places);
	*h = (struct hits_seen){.reply = NULL};
}

const json_t *hits_seen_of(const struct hits_seen *h, const char *entry, const char *name, const char *match)
{
	if (h->places == NULL)
		return NULL;
	const struct seen *s = &h->places[place_of(h, entry, match)];
	if (s->text == NULL && name != NULL)
		s = &h->places[place_of(h, name, match)];
	return s->hit;
}

char *hits_seen_since(const struct hits_seen *h, char buf[HITS_SEEN_SINCE_MAX])
{
	const char *inexact = field_text(h->reply, "inexact");
	long long evicted = (long long)field_int(h->reply, "evicted");
	size_t len = (size_t)snprintf(buf, HITS_SEEN_SINCE_MAX, "since %s", field_text(h->reply, "since"));

	if (inexact[0] != '\0' && len < HITS_SEEN_SINCE_MAX)
		len += (size_t)snprintf(buf + len, HITS_SEEN_SINCE_MAX - len,
					"; not all was counted, last %s (a sample in busy times, nothing just before a crash): who "
					"was hit seldom may not be in it",
					inexact);
	if (evicted > 0 && len < HITS_SEEN_SINCE_MAX)
		(void)snprintf(buf + len, HITS_SEEN_SINCE_MAX - len,
			       "; %lld entries not hit for long are no longer counted, as there were too many", evicted);
	return buf;
}
