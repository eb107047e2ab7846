/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/build.h"

#include <assert.h>
#include <string.h>

#include "wire/edns.h"

void build_begin(struct build *b, struct service *s, const struct query *q, uint16_t rcode)
{
	size_t cap = MSG_LEN_MAX;
	uint8_t *room = q->via->room == NULL ? NULL : q->via->room(q, &cap);

	s->out = room == NULL ? s->big : room;
	s->out_rcode_high = (uint8_t)(rcode >> 4);
	b->w = wr_init(s->out, MIN(cap, (size_t)q->limit));
	b->header = (struct msg_header){.id = q->id, .qdcount = q->has_question};
	unsigned flags = MSG_QR | (q->flags & (MSG_OPCODE | MSG_RD | MSG_CD)) | (rcode & MSG_RCODE);
	if ((q->flags & MSG_OPCODE) == OPCODE_QUERY)
		flags |= MSG_RA;
	b->header.flags = (uint16_t)flags;
	b->packing = false;
	(void)wr_room(&b->w, MSG_HEADER_LEN);
	wr_bytes(&b->w, q->question, q->question_len);
}

struct name_packer *build_packer(struct build *b, const struct query *q)
{
	if (!b->packing) {
		name_packer_init(&b->packer);
		if (q->has_question)
			name_packer_note(&b->packer, &b->w, MSG_HEADER_LEN);
		b->packing = true;
	}
	return &b->packer;
}

static void build_header(struct build *b)
{
	struct wr head = wr_init(b->w.base, MSG_HEADER_LEN);
	msg_write_header(&head, &b->header);
}

/* What goes beside the error codes: seldom anything. */
static void put_options(struct build *b, const struct service *s, const struct query *q)
{
	const char *nsid = q->wants_nsid ? s->world->settings->server_nsid : NULL;

	if (q->has_cookie) {
		struct cookie_secrets secrets = query_cookie_secrets(s);
		uint8_t cookie[COOKIE_LEN];
		cookie_make(&secrets, q->cookie, &q->peer, s->now_s, cookie);
		edns_write_option(&b->w, EDNS_COOKIE, cookie, sizeof(cookie));
	}
	if (EDNS_SDE_ECHOED && q->wants_structured)
		edns_write_option(&b->w, EDNS_SDE, NULL, 0);
	if (nsid != NULL)
		edns_write_option(&b->w, EDNS_NSID, nsid, strlen(nsid));
}

/* How much of the extended error an answer has room for. The middle two are for what is structured: shorter forms of it. */
enum ede_room { EDE_WHOLE, EDE_LESS, EDE_LEAST, EDE_CODE_ALONE, EDE_LEFT_OUT };
static_assert(EDE_CODE_ALONE == POLICY_STRUCTURED_FORMS, "each form has its room");

/* What stands behind the code; a client that wants it structured gets plain text where an entry has nothing else to say. */
static bool ede_text(const struct query_extra *extra, enum ede_room room, struct str *ret)
{
	const struct policy_structured *structured = extra->structured;

	*ret = (struct str){NULL, 0};
	if (room >= EDE_CODE_ALONE)
		return false;
	if (structured == NULL || structured->forms[0].len == 0) {
		*ret = room == EDE_WHOLE ? extra->text : *ret;
		return false;
	}
	*ret = structured->forms[room];
	return true;
}

static void put_ede(struct build *b, const struct query_extra *extra, enum ede_room room)
{
	const struct str no_text = {NULL, 0};
	struct str text;

	if (!extra->has_ede || room == EDE_LEFT_OUT)
		return;
	if (ede_text(extra, room, &text))
		edns_write_ede_whole(&b->w, extra->ede, text);
	else
		edns_write_ede(&b->w, extra->ede, text);
	if (extra->also_ede != 0)
		edns_write_ede(&b->w, extra->also_ede, no_text);
}

static void build_opt(struct build *b, const struct service *s, const struct query *q, uint16_t rcode,
		      const struct query_extra *extra, enum ede_room room)
{
	if (!q->has_edns)
		return;
	size_t mark = edns_write_begin(&b->w, MSG_UDP_EDNS_MAX, rcode, q->dnssec_ok);
	if (q->has_cookie || q->wants_nsid || (EDNS_SDE_ECHOED && q->wants_structured))
		put_options(b, s, q);
	if (q->keepalive_100ms != 0)
		edns_write_keepalive(&b->w, q->keepalive_100ms);
	put_ede(b, extra, room);
	if (q->pads)
		edns_write_padding(&b->w, EDNS_PAD_RESPONSE);
	edns_write_end(&b->w, mark);
	b->header.arcount++;
}

/* The OPT, with as much of the extended error as there is room for: its text goes first, by and by where it is structured, then its
 * code (RFC 8914 §3). False when it does not fit even so. */
static bool fit_opt(struct build *b, const struct service *s, const struct query *q, uint16_t rcode,
		    const struct query_extra *extra)
{
	static const enum ede_room rooms[] = {EDE_WHOLE, EDE_LESS, EDE_LEAST, EDE_CODE_ALONE, EDE_LEFT_OUT};
	size_t mark = wr_mark(&b->w);

	for (size_t i = 0; i < ARRAY_LEN(rooms); i++) {
		b->header.arcount = 0;
		build_opt(b, s, q, rcode, extra, rooms[i]);
		if (!b->w.full)
			return true;
		wr_cut(&b->w, mark);
	}
	return false;
}

bool build_end(struct build *b, struct service *s, const struct query *q, uint16_t rcode, const struct query_extra *extra)
{
	bool truncated = b->w.full || !fit_opt(b, s, q, rcode, extra);

	if (truncated) {
		build_begin(b, s, q, rcode);
		b->header.flags |= MSG_TC;
		build_opt(b, s, q, rcode, extra, EDE_CODE_ALONE);
		counters_add(s->counters, COUNTER_TRUNCATED);
	}
	build_header(b);
	s->out_len = b->w.pos;
	return truncated;
}

/* The owner is the last `labels` labels of the name asked: the question's own octets, pointed to. */
void build_rr_head(struct build *b, const struct query *q, unsigned labels, uint16_t type, uint32_t ttl_s)
{
	uint8_t *p = wr_room(&b->w, labels == 0 ? 9 : 10);

	if (p == NULL)
		return;
	if (UNLIKELY(labels == 0)) {
		*p++ = 0;
	} else {
		size_t at = LIKELY(labels == q->name.labels) ? 0 : name_suffix_at(&q->name, labels);
		be_put_u16(p, (uint16_t)(NAME_POINTER | (MSG_HEADER_LEN + at)));
		p += 2;
	}
	be_put_u16(p, type);
	be_put_u16(p + 2, RRCLASS_IN);
	be_put_u32(p + 4, ttl_s);
}

void build_rr(struct build *b, const struct query *q, uint16_t type, uint32_t ttl_s, const void *rdata, uint16_t len)
{
	build_rr_head(b, q, q->name.labels, type, ttl_s);
	wr_u16(&b->w, len);
	wr_bytes(&b->w, rdata, len);
	b->header.ancount++;
}
