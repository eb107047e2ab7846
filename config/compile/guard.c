/* SPDX-License-Identifier: BSD-2-Clause */
#include "compile/guard.h"

#include <libpsl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/intern.h"

#define SUFFIX_LABELS_MAX 6 /* no public suffix has more */

/* What is to be kept. */
struct kept {
	struct name name;
	const char *list; /* NULL: of block.protect */
};

struct guard {
	struct kept *kept; /* owned */
	size_t count;
	struct intern names; /* wire forms of kept, same numbers */
	struct intern above; /* names above one of them */
	struct buf above_of; /* u32: of each of above, the first kept name below it */
};

static void add_name(struct guard *g, const struct name *name, const char *list)
{
	bool is_new = false;
	(void)intern_add(&g->names, name->wire, name->len, &is_new);
	if (!is_new)
		return;
	const uint32_t number = (uint32_t)g->count;
	g->kept[g->count++] = (struct kept){.name = *name, .list = list};
	for (size_t at = 0; name->wire[at] != 0;) {
		at += (size_t)name->wire[at] + 1;
		(void)intern_add(&g->above, name->wire + at, name->len - at, &is_new);
		if (is_new)
			buf_add(&g->above_of, &number, sizeof(number));
	}
}

bool guard_url_host(const char *url, struct name *ret)
{
	const char *begin = strstr(url, "://");
	struct addr address;
	if (begin == NULL)
		return false;
	struct str rest = {begin + 3, strcspn(begin + 3, "/?#")};
	const char *at = memrchr(rest.ptr, '@', rest.len); /* behind a user and a password */
	if (at != NULL)
		rest = (struct str){at + 1, rest.len - (size_t)(at + 1 - rest.ptr)};
	struct str host = str_cut(&rest, ':');
	return host.len > 0 && host.ptr[0] != '[' && !addr_from_text(host, 0, &address) && name_from_text(host, ret, NULL) &&
	       ret->labels > 0;
}

struct guard *guard_create(const struct settings *settings)
{
	struct guard *g = base_alloc(sizeof(*g));
	g->kept = base_alloc((settings->protect_count + settings->list_count + 1) * sizeof(g->kept[0]));
	intern_init(&g->names);
	intern_init(&g->above);
	for (size_t i = 0; i < settings->protect_count; i++)
		add_name(g, &settings->protect[i], NULL);
	for (size_t i = 0; i < settings->list_count; i++) {
		struct name host;
		if (settings->lists[i].url != NULL && guard_url_host(settings->lists[i].url, &host))
			add_name(g, &host, settings->lists[i].name);
	}
	return g;
}

void guard_destroy(struct guard *g)
{
	if (g == NULL)
		return;
	free(g->kept);
	intern_finish(&g->names);
	intern_finish(&g->above);
	buf_finish(&g->above_of);
	free(g);
}

enum guard_kind guard_broad(const struct name *name, enum match match)
{
	const psl_ctx_t *psl = psl_builtin(); /* libpsl's own; NULL when it was built without */
	char text[NAME_TEXT_MAX];
	const bool exact = match == MATCH_EXACT;
	if (name->labels == 0)
		return exact ? GUARD_NOTHING : GUARD_ROOT;
	if (name->labels == 1)
		return GUARD_TOP;
	if (psl == NULL || name->labels > SUFFIX_LABELS_MAX ||
	    psl_is_public_suffix2(psl, name_to_text(name, text), (exact ? PSL_TYPE_ICANN : PSL_TYPE_ANY) | PSL_TYPE_NO_STAR_RULE) ==
		0)
		return GUARD_NOTHING;
	return GUARD_SUFFIX;
}

static bool found(const struct guard *g, uint32_t number, struct guard_finding *ret)
{
	const struct kept *kept = &g->kept[number];
	*ret = (struct guard_finding){
	    .kind = kept->list != NULL ? GUARD_LIST_HOST : GUARD_PROTECTED, .name = kept->name, .list = kept->list};
	return true;
}

bool guard_kept(const struct guard *g, const uint8_t *wire, size_t len, enum match match, struct guard_finding *ret)
{
	uint32_t number = 0;
	if (g->count == 0)
		return false;
	/* the name itself; what is below it is kept with a name of block.protect alone */
	if (intern_find(&g->names, wire, len, &number) && (match != MATCH_SUBDOMAINS || g->kept[number].list == NULL))
		return found(g, number, ret);
	if (match != MATCH_EXACT && intern_find(&g->above, wire, len, &number)) {
		memcpy(&number, g->above_of.ptr + number * sizeof(number), sizeof(number));
		return found(g, number, ret);
	}
	for (size_t at = 0; wire[at] != 0;) {
		at += (size_t)wire[at] + 1;
		if (intern_find(&g->names, wire + at, len - at, &number) && g->kept[number].list == NULL)
			return found(g, number, ret);
	}
	return false;
}

bool guard_next(const struct guard *g, size_t *at, struct guard_finding *ret)
{
	return *at < g->count && found(g, (uint32_t)(*at)++, ret);
}

char *guard_text(const struct guard_finding *f, const char *entry, enum match match, char buf[GUARD_TEXT_MAX])
{
	const bool exact = match == MATCH_EXACT;
	char name[NAME_TEXT_MAX], shown[256];
	(void)str_escape(str_from(name_to_text(&f->name, name)), true, shown, sizeof(shown));
	switch (f->kind) {
	case GUARD_NOTHING:
		buf[0] = '\0';
		break;
	case GUARD_ROOT:
		(void)snprintf(buf, GUARD_TEXT_MAX, "'%.200s' is the root: every name there is would be blocked", entry);
		break;
	case GUARD_TOP:
		(void)snprintf(buf, GUARD_TEXT_MAX, "'%.200s' is a top-level domain: %s", entry,
			       exact ? "probably a name in it was meant" : "every name in it would be blocked");
		break;
	case GUARD_SUFFIX:
		(void)snprintf(buf, GUARD_TEXT_MAX, "'%.200s' is a public suffix%s", entry,
			       exact ? ": probably a name in it was meant"
				     : ", under which anyone may register: every name in it would be blocked");
		break;
	case GUARD_PROTECTED:
		(void)snprintf(buf, GUARD_TEXT_MAX, "'%.200s' would block what block.protect keeps: %s, and all below it", entry,
			       shown);
		break;
	case GUARD_LIST_HOST:
		(void)snprintf(buf, GUARD_TEXT_MAX, "'%.200s' would block %s, where the list '%.64s' is fetched from", entry, shown,
			       f->list);
		break;
	}
	return buf;
}
