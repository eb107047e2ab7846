/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/distill_scan.h"

#include "base/rand.h"

#define POINTER_BITS 0xc0u
#define POINTER_HOPS_MAX 4 /* followed to tell places; a name with more is read whole */
#define RRSIG_COVERED_LEN 2

static uint32_t hash_of(const struct scan *s, const struct name *name)
{
	struct name folded = *name;
	name_fold(&folded);
	return (uint32_t)siphash13(&s->key, folded.wire, folded.len);
}

/* Where the labels of the name at pos begin. Names that begin at one place are one name, octet for octet. 0: not worth finding out.
 */
static uint16_t labels_at(const struct scan *s, size_t pos)
{
	for (int hops = 0; hops <= POINTER_HOPS_MAX; hops++) {
		struct rd r = rd_init(s->bytes, s->len);
		r.pos = pos;
		uint16_t two = rd_u16(&r);
		if (!rd_ok(&r))
			return 0;
		if (two >> 8 < POINTER_BITS)
			return (uint16_t)pos;
		size_t target = two & ~(POINTER_BITS << 8);
		if (target < MSG_HEADER_LEN || target >= pos)
			return 0;
		pos = target;
	}
	return 0;
}

/* What follows a record's owner. */
static bool read_rest(struct rd *r, struct msg_rr *ret)
{
	ret->type = rd_u16(r);
	ret->class = rd_u16(r);
	ret->ttl_pos = r->pos;
	uint32_t ttl_s = rd_u32(r);
	ret->ttl_s = MIN(ttl_s, SCAN_TTL_MAX_S);
	ret->rdata_len = rd_u16(r);
	ret->rdata_pos = r->pos;
	rd_skip(r, ret->rdata_len);
	return rd_ok(r);
}

/* ---- the pass ---- */

/* The owner of the record at r, as hash and place; r goes past it. */
static bool scan_owner(struct scan *s, struct rd *r, struct mark *ret)
{
	ret->pos = (uint16_t)r->pos;
	ret->owner_at = labels_at(s, r->pos);
	if (ret->owner_at != 0 && ret->owner_at == s->last_at) {
		ret->owner_hash = s->last_hash;
		return name_skip(r);
	}
	struct name owner;
	if (!name_read(r, &owner))
		return false;
	s->owners_read += (uint32_t)owner.len + (ret->owner_at == 0 ? NAME_HOPS_MAX : POINTER_HOPS_MAX);
	if (s->owners_read > SCAN_OWNERS_MAX)
		return false;
	ret->owner_hash = hash_of(s, &owner);
	s->last_at = ret->owner_at;
	s->last_hash = ret->owner_hash;
	return true;
}

static bool scan_section(struct scan *s, struct rd *r, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		struct mark mark;
		struct msg_rr rr;
		if (!scan_owner(s, r, &mark) || !read_rest(r, &rr))
			return false;
		if (rr.type == RRTYPE_OPT) /* RFC 6891 §6.1.1 */
			return false;
		if (rr.class != RRCLASS_IN)
			continue;
		if (unlikely_bug(s->mark_count >= SCAN_RECORDS_MAX))
			return false;
		s->cname_count += rr.type == RRTYPE_CNAME ? 1 : 0;
		s->dname_count += rr.type == RRTYPE_DNAME ? 1 : 0;
		mark.type = rr.type;
		s->marks[s->mark_count++] = mark;
	}
	return true;
}

/* Of the additional section only the OPT is of interest. */
static bool scan_additional(struct scan *s, struct rd *r)
{
	bool has_opt = false;
	for (uint16_t i = 0; i < s->header.arcount; i++) {
		struct rd front = *r;
		bool at_root = rd_u8(&front) == 0;
		struct msg_rr rr;
		if (!name_skip(r) || !read_rest(r, &rr))
			return false;
		if (rr.type != RRTYPE_OPT)
			continue;
		if (has_opt || !at_root)
			return false;
		has_opt = true;
		struct rd ttl = rd_init(s->bytes, s->len);
		ttl.pos = rr.ttl_pos;
		s->ext_rcode = rd_u8(&ttl);
		if (rd_u8(&ttl) != 0) /* a version that was not asked for */
			return false;
	}
	return true;
}

bool scan_message(struct scan *s, const uint8_t *bytes, size_t len, const struct name *qname, uint16_t qtype,
		  struct owner *ret_question)
{
	s->bytes = bytes;
	s->len = MIN(len, (size_t)MSG_LEN_MAX);
	rand_bytes(&s->key, sizeof(s->key));
	s->ext_rcode = 0;
	s->mark_count = s->answer_marks = s->cname_count = s->dname_count = 0;
	s->owners_read = 0;
	struct rd r = rd_init(s->bytes, s->len);
	struct msg_question q;
	msg_read_header(&r, &s->header);
	if (!rd_ok(&r) || (s->header.flags & (MSG_QR | MSG_TC)) != MSG_QR || s->header.qdcount != 1 || !msg_read_question(&r, &q))
		return false;
	if (q.type != qtype || q.class != RRCLASS_IN || !name_eq_nocase(&q.name, qname))
		return false;
	*ret_question = (struct owner){.name = *qname, .hash = hash_of(s, qname), .at = MSG_HEADER_LEN};
	s->last_at = ret_question->at;
	s->last_hash = ret_question->hash;
	if (!scan_section(s, &r, s->header.ancount))
		return false;
	s->answer_marks = s->mark_count;
	return scan_section(s, &r, s->header.nscount) && scan_additional(s, &r) && rd_left(&r) == 0;
}

/* ---- look-ups ---- */

bool scan_read(const struct scan *s, const struct mark *m, struct msg_rr *ret)
{
	struct rd r = rd_init(s->bytes, s->len);
	r.pos = m->pos;
	return !unlikely_bug(!name_read(&r, &ret->owner) || !read_rest(&r, ret)); /* it could be read before */
}

bool scan_next(const struct scan *s, size_t *at, struct owner *o, uint16_t type, struct msg_rr *ret)
{
	while (*at < s->answer_marks) {
		const struct mark *m = &s->marks[(*at)++];
		if (m->owner_hash != o->hash || (type != RRTYPE_ANY && m->type != type))
			continue;
		if (m->owner_at == 0 || m->owner_at != o->at) {
			if (!scan_read(s, m, ret) || !name_eq_nocase(&ret->owner, &o->name))
				continue;
			o->at = m->owner_at;
		} else {
			struct rd r = rd_init(s->bytes, s->len);
			r.pos = m->pos;
			if (unlikely_bug(!name_skip(&r) || !read_rest(&r, ret)))
				continue;
		}
		ret->owner = o->name; /* as the question or the link before spelled it: packs better, and undoes strange case */
		return true;
	}
	return false;
}

bool scan_has(const struct scan *s, struct owner *o, uint16_t type)
{
	size_t at = 0;
	struct msg_rr rr;
	return scan_next(s, &at, o, type, &rr);
}

bool scan_target(const struct scan *s, const struct msg_rr *rr, struct owner *ret)
{
	struct rd r = rd_init(s->bytes, rr->rdata_pos + rr->rdata_len); /* pointers go back only: this cuts nothing off */
	r.pos = rr->rdata_pos;
	if (!name_read(&r, &ret->name) || r.pos != rr->rdata_pos + rr->rdata_len)
		return false;
	ret->hash = hash_of(s, &ret->name);
	ret->at = labels_at(s, rr->rdata_pos);
	return true;
}

uint16_t scan_covered(const struct scan *s, const struct msg_rr *rr)
{
	if (rr->rdata_len < RRSIG_COVERED_LEN)
		return 0;
	struct rd r = rd_init(s->bytes, s->len);
	r.pos = rr->rdata_pos;
	return rd_u16(&r);
}
