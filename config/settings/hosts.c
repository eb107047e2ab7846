/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/base.h"
#include "wire/rdata_text.h"
#include "wire/rrtype.h"

/* One line being read. */
struct line {
	struct hosts *h;
	const char *begin;
	uint32_t number;
	uint16_t source;
	hosts_told *told;
	void *arg;
};

static void fault(const struct line *l, struct str at, const char *what)
{
	char shown[64], text[256];
	if (l->h->faults++ >= HOSTS_TOLD_MAX || l->told == NULL)
		return;
	(void)snprintf(text, sizeof(text), "'%s' %s", str_escape(at, true, shown, sizeof(shown)), what);
	l->told(l->arg, l->number, (uint32_t)(at.ptr - l->begin) + 1, text);
}

static bool is_localhost(const struct name *name)
{
	static const uint8_t wire[] = "\11localhost";
	struct name localhost;
	return name_from_wire(wire, sizeof(wire), &localhost) && name_is_below_or_eq(name, &localhost);
}

static bool is_multicast(const struct addr *a)
{
	return a->sa.sa_family == AF_INET ? IN_MULTICAST(ntohl(a->in.sin_addr.s_addr)) : IN6_IS_ADDR_MULTICAST(&a->in6.sin6_addr);
}

static void keep(const struct line *l, const struct name *name, const struct addr *a, bool second)
{
	struct hosts *h = l->h;
	bool is_v4 = a->sa.sa_family == AF_INET;
	const char *bytes = is_v4 ? (const char *)&a->in.sin_addr : (const char *)&a->in6.sin6_addr;
	size_t len = is_v4 ? 4 : 16;

	if (h->count == h->cap) {
		h->cap = h->cap == 0 ? 64 : h->cap * 2;
		h->items = base_realloc(h->items, h->cap * sizeof(*h->items));
	}
	h->items[h->count++] =
	    (struct locals_record){.name = {arena_strndup(&h->arena, (const char *)name->wire, name->len), name->len},
				   .type = is_v4 ? RRTYPE_A : RRTYPE_AAAA,
				   .source = l->source,
				   .ttl_s = LOCALS_HOSTS_TTL_S,
				   .rdata = {arena_strndup(&h->arena, bytes, len), len},
				   .line = l->number,
				   .column = 1,
				   .second = second};
}

/* An address alone, which may name a link: such a one is of no use to others. */
static bool read_address(struct str word, struct addr *ret, bool *ret_skip)
{
	const char *scope = memchr(word.ptr, '%', word.len);
	*ret_skip = scope != NULL;
	if (scope != NULL)
		word.len = (size_t)(scope - word.ptr);
	if (word.len == 0 || word.ptr[0] == '[' || !addr_from_text(word, 0, ret) ||
	    (ret->sa.sa_family == AF_INET && memchr(word.ptr, ':', word.len) != NULL))
		return false;
	*ret_skip = *ret_skip || is_multicast(ret);
	return true;
}

static void read_line(const struct line *l, struct str rest)
{
	const char *comment = memchr(rest.ptr, '#', rest.len);
	struct addr address;
	struct name name;
	bool skip, second = false;

	if (comment != NULL)
		rest.len = (size_t)(comment - rest.ptr);
	rest = str_trim(rest);
	if (rest.len == 0)
		return;
	struct str word = rdata_text_word(&rest);
	if (!read_address(word, &address, &skip)) {
		fault(l, word, "is not an address; a line is an address and its names");
		return;
	}
	if (str_trim(rest).len == 0) {
		fault(l, word, "has no name behind it");
		return;
	}
	while (!skip && (word = rdata_text_word(&rest)).len > 0) {
		if (!name_from_text(word, &name, NULL) || name.labels == 0 || (name.wire[0] == 1 && name.wire[1] == '*')) {
			fault(l, word, "is not a host name");
		} else if (!is_localhost(&name)) {
			if (l->h->count == LOCALS_HOSTS_MAX) {
				fault(l, word, "and what follows is left out: there are too many names");
				return;
			}
			keep(l, &name, &address, second);
			second = true;
		}
	}
}

void hosts_read(struct hosts *h, struct str text, uint16_t source, hosts_told *told, void *arg)
{
	struct line l = {.h = h, .source = source, .told = told, .arg = arg};

	h->faults = 0;
	for (struct str rest = text; rest.ptr != NULL && rest.len > 0;) {
		struct str line = str_cut(&rest, '\n');
		l.begin = line.ptr;
		l.number++;
		read_line(&l, line);
	}
}

void hosts_finish(struct hosts *h)
{
	arena_finish(&h->arena);
	free(h->items);
	*h = (struct hosts){.count = 0};
}
