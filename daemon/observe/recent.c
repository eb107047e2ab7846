/* SPDX-License-Identifier: BSD-2-Clause */
#include "observe/recent.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert(RECENT_TEXT_MAX <= UINT8_MAX, "lengths are kept in a byte");

struct recent {
	struct recent_entry **slots; /* owned, as are they; entry n is in slot n % limit */
	size_t limit;
	uint64_t next, oldest;
	enum privacy privacy;
};

/* ---- one entry ---- */

static const char *text_at(const struct recent_entry *e, size_t before, size_t len)
{
	return len == 0 ? NULL : (const char *)e->bytes + e->name_len + before;
}

const char *recent_list(const struct recent_entry *e)
{
	return text_at(e, 0, e->list_len);
}

const char *recent_entry_text(const struct recent_entry *e)
{
	return text_at(e, e->list_len + 1u, e->entry_len);
}

const char *recent_server(const struct recent_entry *e)
{
	return text_at(e, e->list_len + 1u + e->entry_len + 1u, e->server_len);
}

const char *recent_group(const struct recent_entry *e)
{
	return text_at(e, e->list_len + 1u + e->entry_len + 1u + e->server_len + 1u, e->group_len);
}

/* What is cut is cut between characters. */
static uint8_t cut(const char *text)
{
	size_t len = text == NULL ? 0 : strlen(text);

	if (len <= RECENT_TEXT_MAX)
		return (uint8_t)len;
	/* text ends behind that */
	for (len = RECENT_TEXT_MAX; len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80; len--) // NOLINT(clang-analyzer-core.*)
		;
	return (uint8_t)len;
}

static uint8_t *put_text(uint8_t *at, const char *text, size_t len)
{
	if (len > 0)
		memcpy(at, text, len);
	at[len] = '\0';
	return at + len + 1;
}

static struct recent_entry *entry_create(const struct fact *f, enum privacy privacy)
{
	char text[HITS_TEXT_MAX], list[RECENT_TEXT_MAX + 2];
	const char *entry = fact_entry(f, privacy, text);
	const size_t list_len = MIN(f->list.len, sizeof(list) - 1);
	unsigned bits;

	if (list_len > 0)
		memcpy(list, f->list.ptr, list_len);
	list[list_len] = '\0';
	const uint8_t lens[] = {cut(list), cut(entry), cut(f->server), cut(f->group_name)};
	struct recent_entry *e = base_alloc(sizeof(*e) + f->name->len + lens[0] + lens[1] + lens[2] + lens[3] + 4u);
	*e = (struct recent_entry){
	    .at_us = f->at_us,
	    .took_us = f->took_us,
	    .ttl_s = f->ttl_s,
	    .weight = f->weight,
	    .type = f->type,
	    .rcode = f->rcode,
	    .fate = (uint8_t)f->fate,
	    .via = (uint8_t)f->via,
	    .verdict = (uint8_t)f->verdict,
	    .answered = f->answered,
	    .by_answer = f->by_answer,
	    .name_len = f->name->len,
	    .list_len = lens[0],
	    .entry_len = lens[1],
	    .server_len = lens[2],
	    .group_len = lens[3],
	};
	if (fact_client(f, privacy, e->address, &bits)) {
		e->client_bits = (uint8_t)bits;
		e->port = privacy == PRIVACY_FULL ? f->port : 0;
	}
	if (f->name->len > 0)
		memcpy(e->bytes, f->name->wire, f->name->len);
	uint8_t *at = put_text(e->bytes + e->name_len, list, lens[0]);
	at = put_text(at, entry, lens[1]);
	at = put_text(at, f->server, lens[2]);
	(void)put_text(at, f->group_name, lens[3]);
	return e;
}

/* ---- the ring ---- */

struct recent *recent_create(void)
{
	struct recent *r = base_alloc(sizeof(*r));

	r->next = r->oldest = 1;
	return r;
}

static void forget_oldest(struct recent *r)
{
	struct recent_entry **slot = &r->slots[r->oldest++ % r->limit];

	free(*slot);
	*slot = NULL;
}

void recent_destroy(struct recent *r)
{
	if (r == NULL)
		return;
	while (r->oldest < r->next)
		forget_oldest(r);
	free(r->slots);
	free(r);
}

void recent_resize(struct recent *r, size_t limit)
{
	struct recent_entry **slots;

	if (limit == r->limit)
		return;
	while (r->next - r->oldest > limit)
		forget_oldest(r);
	slots = limit == 0 ? NULL : base_alloc(limit * sizeof(struct recent_entry *));
	for (uint64_t n = r->oldest; limit > 0 && r->limit > 0 && n < r->next; n++)
		slots[n % limit] = r->slots[n % r->limit];
	free(r->slots);
	r->slots = slots;
	r->limit = limit;
}

void recent_set_privacy(struct recent *r, enum privacy privacy)
{
	if (r->privacy == privacy)
		return;
	r->privacy = privacy;
	while (r->oldest < r->next)
		forget_oldest(r);
}

void recent_take(struct recent *r, const struct fact *fact)
{
	const enum privacy privacy = fact_privacy(fact, r->privacy);

	if (r->limit == 0 || privacy == PRIVACY_NONE)
		return;
	if (r->next - r->oldest == r->limit)
		forget_oldest(r);
	struct recent_entry *e = entry_create(fact, privacy);
	e->number = r->next++;
	r->slots[e->number % r->limit] = e;
}

uint64_t recent_oldest(const struct recent *r)
{
	return r->oldest;
}

uint64_t recent_next(const struct recent *r)
{
	return r->next;
}

const struct recent_entry *recent_at(const struct recent *r, uint64_t number)
{
	return number < r->oldest || number >= r->next ? NULL : r->slots[number % r->limit];
}

/* ---- the filter ---- */

static bool is_below(const struct recent_entry *e, const struct name *name)
{
	struct name own;

	if (e->name_len < name->len || !name_from_wire(e->bytes, e->name_len, &own) || own.labels < name->labels)
		return false;
	size_t at = name_suffix_at(&own, name->labels);
	return own.len - at == name->len && memcmp(own.wire + at, name->wire, name->len) == 0;
}

bool recent_passes(const struct recent_entry *e, const struct recent_filter *filter)
{
	if (filter->blocked && e->verdict != FACT_WOULD_BLOCK && e->fate != COUNTER_BLOCKED)
		return false;
	if (filter->has_client && (e->client_bits == 0 || !addr_bits_agree(e->address, filter->client,
									   MIN((unsigned)e->client_bits, filter->client_bits))))
		return false;
	return !filter->has_name || is_below(e, &filter->name);
}
