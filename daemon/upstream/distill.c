/* SPDX-License-Identifier: BSD-2-Clause */
#include "upstream/distill.h"

#include <string.h>

#include "upstream/distill_scan.h"
#include "wire/svcb.h"

#define RR_FIXED_AFTER_TTL 6 /* TTL and RDLENGTH */

/* One message being distilled. */
struct work {
	struct scan scan;
	const struct name *qname;
	uint16_t qtype;
	bool dnssec_ok;
	const struct distill_bounds *bounds; /* NULL: none */

	struct wr w; /* into room->body, as a whole message: so that compression offsets are right */
	struct name_packer packer;
	struct response_room *room;
	struct response *ret;
	size_t body_at;
	bool overflow;	/* more TTLs than can be kept */
	uint32_t ttl_s; /* the lowest so far */

	struct owner chain[DISTILL_LINKS_MAX + 1]; /* the question's name and the targets after it */
	size_t links;
	bool cut;			      /* the last of the chain is outside of bounds: nothing is said of it */
	uint32_t dnames_put[SCAN_DNAMES_MAX]; /* hashes of the DNAME owners written: each once, though two links be below it */
	size_t dnames_put_count;
};

/* ---- the chain ---- */

/* The one target that o's CNAME records name. ret_found is false when there is none. Two targets are nonsense (RFC 2181 §10.1). */
static bool cname_of(const struct work *k, struct owner *o, bool *ret_found, struct owner *ret)
{
	size_t at = 0;
	struct msg_rr rr;
	*ret_found = false;
	while (scan_next(&k->scan, &at, o, RRTYPE_CNAME, &rr)) {
		struct owner target;
		if (!scan_target(&k->scan, &rr, &target) || (*ret_found && !name_eq_nocase(&target.name, &ret->name)))
			return false;
		*ret = target;
		*ret_found = true;
	}
	return true;
}

/* Types that may stand beside a CNAME (RFC 4035 §2.5), and questions that a CNAME itself answers. */
static bool type_stops_at_cname(uint16_t qtype)
{
	return qtype == RRTYPE_CNAME || qtype == RRTYPE_ANY || qtype == RRTYPE_RRSIG || qtype == RRTYPE_NSEC;
}

static bool is_outside(const struct work *k, const struct name *name)
{
	if (LIKELY(k->bounds == NULL))
		return false;
	struct name folded = *name;
	name_fold(&folded);
	return !k->bounds->holds(k->bounds->arg, &folded);
}

/* Follow the CNAMEs from the question's name, whatever the order they came in. Fills chain and links. */
static bool chain_follow(struct work *k)
{
	for (;;) {
		struct owner *here = &k->chain[k->links], target;
		bool found;
		if (!cname_of(k, here, &found, &target))
			return false;
		if (!found || (type_stops_at_cname(k->qtype) && scan_has(&k->scan, here, k->qtype)))
			return true;
		if (k->links == DISTILL_LINKS_MAX)
			return false;
		for (size_t i = 0; i <= k->links; i++)
			if (name_eq_nocase(&k->chain[i].name, &target.name))
				return false;
		k->chain[++k->links] = target;
		if (is_outside(k, &target.name)) {
			k->cut = true;
			return true;
		}
	}
}

/* ---- writing ---- */

enum section { SECTION_ANSWER, SECTION_AUTHORITY };

static struct rd rdata_of(const struct work *k, const struct msg_rr *rr)
{
	struct rd r = rd_init(k->scan.bytes, rr->rdata_pos + rr->rdata_len);
	r.pos = rr->rdata_pos;
	return r;
}

/* Write one record. CNAME targets are noted when it is of the answer. */
static bool put(struct work *k, enum section section, const struct msg_rr *rr, uint32_t ttl_s)
{
	struct rd in = rd_init(k->scan.bytes, k->scan.len);
	size_t ttl_pos = 0;
	if ((rr->type == RRTYPE_SVCB || rr->type == RRTYPE_HTTPS) && !svcb_is_sound(rdata_of(k, rr)))
		return false;
	if (!msg_copy_rr(&k->w, &k->packer, &in, rr, ttl_s, &ttl_pos) || !rd_ok(&in) || k->w.full)
		return false;
	struct response *ret = k->ret;
	k->ttl_s = MIN(k->ttl_s, ttl_s);
	if (ret->ttl_count < CACHE_TTL_MAX_COUNT)
		k->room->ttl_pos[ret->ttl_count++] = (uint16_t)(ttl_pos - k->body_at);
	else
		k->overflow = true;
	if (section == SECTION_AUTHORITY) {
		ret->nscount++;
		return true;
	}
	ret->ancount++;
	if (rr->type == RRTYPE_CNAME) {
		if (ret->target_count == CACHE_TARGETS_MAX)
			return false;
		k->room->targets[ret->target_count++] = (uint16_t)(ttl_pos + RR_FIXED_AFTER_TTL - k->body_at);
	}
	return true;
}

/* The next signature of o's RRset of `type`. */
static bool next_signature(const struct work *k, size_t *at, struct owner *o, uint16_t type, struct msg_rr *ret)
{
	while (scan_next(&k->scan, at, o, RRTYPE_RRSIG, ret))
		if (scan_covered(&k->scan, ret) == type)
			return true;
	return false;
}

static uint32_t rrset_ttl(const struct work *k, struct owner *o, uint16_t type, bool signatures)
{
	uint32_t low_s = SCAN_TTL_MAX_S;
	struct msg_rr rr;
	for (size_t at = 0; scan_next(&k->scan, &at, o, type, &rr);)
		low_s = MIN(low_s, rr.ttl_s);
	for (size_t at = 0; signatures && next_signature(k, &at, o, type, &rr);)
		low_s = MIN(low_s, rr.ttl_s);
	return low_s;
}

/* o's RRset of `type` and with DO its signatures, all with the lowest TTL among them (RFC 2181 §5.2). A CNAME is written once. */
static bool put_rrset(struct work *k, struct owner *o, uint16_t type, size_t *ret_count)
{
	bool signatures = k->dnssec_ok && type != RRTYPE_RRSIG && type != RRTYPE_ANY, cname_put = false;
	uint32_t ttl_s = rrset_ttl(k, o, type, signatures);
	size_t count = 0;
	struct msg_rr rr;
	for (size_t at = 0; scan_next(&k->scan, &at, o, type, &rr);) {
		if (rr.type == RRTYPE_CNAME && cname_put)
			continue;
		cname_put = cname_put || rr.type == RRTYPE_CNAME;
		if (!put(k, SECTION_ANSWER, &rr, ttl_s))
			return false;
		count++;
	}
	*ret_count = count;
	for (size_t at = 0; count > 0 && signatures && next_signature(k, &at, o, type, &rr);)
		if (!put(k, SECTION_ANSWER, &rr, ttl_s))
			return false;
	return true;
}

static bool dname_is_put(struct work *k, uint32_t hash)
{
	for (size_t i = 0; i < k->dnames_put_count; i++)
		if (k->dnames_put[i] == hash)
			return true;
	if (k->dnames_put_count < SCAN_DNAMES_MAX)
		k->dnames_put[k->dnames_put_count++] = hash;
	return false;
}

/* With DO: the DNAME above link i that made its CNAME, so that a validator can follow (RFC 6672 §5.3). */
static bool put_dname(struct work *k, size_t i)
{
	if (!k->dnssec_ok || k->scan.dname_count == 0)
		return true;
	struct name here = k->chain[i].name;
	name_fold(&here);
	for (size_t at = 0; at < k->scan.answer_marks; at++) {
		const struct mark *m = &k->scan.marks[at];
		struct msg_rr rr;
		if (m->type != RRTYPE_DNAME || !scan_read(&k->scan, m, &rr))
			continue;
		struct owner o = {.name = rr.owner, .hash = m->owner_hash, .at = m->owner_at};
		name_fold(&rr.owner);
		if (rr.owner.len >= here.len || !name_is_below_or_eq(&here, &rr.owner) || is_outside(k, &rr.owner))
			continue;
		size_t count;
		return dname_is_put(k, o.hash) || put_rrset(k, &o, RRTYPE_DNAME, &count);
	}
	return true;
}

/* The links, then what the last one owns of the type asked. */
static bool put_answer(struct work *k, size_t *ret_final)
{
	for (size_t i = 0; i < k->links; i++) {
		size_t count;
		if (!put_dname(k, i) || !put_rrset(k, &k->chain[i], RRTYPE_CNAME, &count))
			return false;
	}
	return k->cut || put_rrset(k, &k->chain[k->links], k->qtype, ret_final);
}

/* ---- authority ---- */

/* An SOA's MINIMUM. */
static bool soa_minimum(const struct work *k, const struct msg_rr *rr, uint32_t *ret_s)
{
	struct rd r = rdata_of(k, rr);
	if (!name_skip(&r)) /* MNAME */
		return false;
	if (!name_skip(&r)) /* RNAME */
		return false;
	rd_skip(&r, 16); /* serial, refresh, retry, expire */
	uint32_t minimum_s = rd_u32(&r);
	if (!rd_ok(&r) || rd_left(&r) > 0)
		return false;
	*ret_s = MIN(minimum_s, SCAN_TTL_MAX_S);
	return true;
}

/* The SOA that can deny the chain's end: owned by it or a name above it. ret_found is false when there is none; the answer is false
 * when it breaks its form. */
static bool find_soa(const struct work *k, bool *ret_found, struct msg_rr *ret, uint32_t *ret_minimum_s)
{
	*ret_found = false;
	struct name end = k->chain[k->links].name;
	name_fold(&end);
	for (size_t at = k->scan.answer_marks; at < k->scan.mark_count; at++) {
		struct msg_rr rr;
		if (k->scan.marks[at].type != RRTYPE_SOA || !scan_read(&k->scan, &k->scan.marks[at], &rr))
			continue;
		struct name owner = rr.owner;
		name_fold(&owner);
		if (!name_is_below_or_eq(&end, &owner))
			continue;
		*ret = rr;
		*ret_found = true;
		return soa_minimum(k, &rr, ret_minimum_s);
	}
	return true;
}

/* The next record of authority that goes along with DO: proofs and their signatures. The SOA itself is written apart. */
static bool next_proof(const struct work *k, size_t *at, bool with_soa, struct msg_rr *ret)
{
	while (k->dnssec_ok && *at < k->scan.mark_count) {
		const struct mark *m = &k->scan.marks[(*at)++];
		if (m->type != RRTYPE_NSEC && m->type != RRTYPE_NSEC3 && m->type != RRTYPE_RRSIG)
			continue;
		if (!scan_read(&k->scan, m, ret))
			continue;
		uint16_t of = m->type == RRTYPE_RRSIG ? scan_covered(&k->scan, ret) : m->type;
		if (of == RRTYPE_NSEC || of == RRTYPE_NSEC3 || (with_soa && of == RRTYPE_SOA))
			return true;
	}
	return false;
}

/* soa is NULL for a positive answer. All of it gets one TTL, the lowest: that of the denial (RFC 2308 §5). */
static bool put_authority(struct work *k, const struct msg_rr *soa, uint32_t minimum_s)
{
	struct msg_rr rr;
	uint32_t low_s = soa != NULL ? MIN(soa->ttl_s, minimum_s) : SCAN_TTL_MAX_S;
	for (size_t at = k->scan.answer_marks; next_proof(k, &at, soa != NULL, &rr);)
		low_s = MIN(low_s, rr.ttl_s);
	if (soa != NULL && !put(k, SECTION_AUTHORITY, soa, low_s))
		return false;
	for (size_t at = k->scan.answer_marks; next_proof(k, &at, soa != NULL, &rr);)
		if (!put(k, SECTION_AUTHORITY, &rr, low_s))
			return false;
	return true;
}

static bool authority_has_ns(const struct work *k)
{
	for (size_t at = k->scan.answer_marks; at < k->scan.mark_count; at++)
		if (k->scan.marks[at].type == RRTYPE_NS)
			return true;
	return false;
}

/* ---- the whole ---- */

/* Header and question first, as they will stand in what is sent, so that names can point at the question's. */
static void write_front(struct work *k)
{
	k->w = wr_init(k->room->body, MIN(k->room->body_cap, (size_t)MSG_LEN_MAX));
	const struct msg_header header = {.qdcount = 1};
	msg_write_header(&k->w, &header);
	name_write(&k->w, k->qname);
	wr_u16(&k->w, k->qtype);
	wr_u16(&k->w, RRCLASS_IN);
	name_packer_init(&k->packer);
	if (!k->w.full)
		name_packer_note(&k->packer, &k->w, MSG_HEADER_LEN);
	k->body_at = k->w.pos;
}

/* The body is what is kept, and begins behind the front. */
static enum distill take_body(struct work *k, bool cacheable)
{
	struct response *ret = k->ret;
	ret->body = k->room->body + k->body_at;
	ret->body_len = (uint32_t)(k->w.pos - k->body_at);
	ret->flags = k->scan.header.flags & (MSG_AD | MSG_RCODE);
	ret->ttl_s = k->ttl_s;
	ret->uncached = !cacheable || k->overflow;
	return ret->uncached ? DISTILL_UNCACHED : DISTILL_OK;
}

/* Links alone. The rcode is about the chain's end, of which this server is not asked, and so is what AD says. */
static enum distill take_cut(struct work *k)
{
	enum distill how = take_body(k, true);
	k->ret->flags = RESPONSE_CUT;
	return how;
}

static enum distill distill_denial(struct work *k, unsigned rcode)
{
	struct msg_rr soa;
	uint32_t minimum_s;
	bool found;
	if (!find_soa(k, &found, &soa, &minimum_s))
		return DISTILL_BAD;
	if (found)
		return put_authority(k, &soa, minimum_s) ? take_body(k, true) : DISTILL_BAD;
	if (rcode != RCODE_NXDOMAIN && k->links == 0 && authority_has_ns(k))
		return DISTILL_BAD; /* a referral: this server does not recurse (RFC 2308 §2.2) */
	return take_body(k, false);
}

static enum distill distill_work(struct work *k)
{
	unsigned rcode = k->scan.ext_rcode << 4 | (k->scan.header.flags & MSG_RCODE);
	if (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN)
		return DISTILL_FAILED;
	if (!chain_follow(k))
		return DISTILL_BAD;
	write_front(k);
	size_t final = 0;
	if (k->w.full || !put_answer(k, &final))
		return DISTILL_BAD;
	if (k->cut)
		return take_cut(k);
	k->ret->negative = final == 0;
	if (final == 0)
		return distill_denial(k, rcode);
	if (rcode == RCODE_NXDOMAIN || !put_authority(k, NULL, 0))
		return DISTILL_BAD;
	return take_body(k, true);
}

static enum distill distill_long(const uint8_t *bytes, size_t len, const struct name *qname, uint16_t qtype, bool dnssec_ok,
				 const struct distill_bounds *bounds, struct response_room *room, struct response *ret)
{
	*ret = (struct response){.ttl_pos = room->ttl_pos, .targets = room->targets, .body = room->body};
	/* an error may come without its question (RFC 8906 §8); nothing but the rcode is wanted of it */
	struct rd r = rd_init(bytes, len);
	struct msg_header header;
	msg_read_header(&r, &header);
	unsigned rcode = header.flags & MSG_RCODE;
	if (rd_ok(&r) && (header.flags & MSG_QR) != 0 && rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN) {
		ret->flags = (uint16_t)rcode;
		return DISTILL_FAILED;
	}
	struct work k; /* large: its parts are set where they are first needed, not cleared whole */
	k.qname = qname;
	k.qtype = qtype;
	k.dnssec_ok = dnssec_ok;
	k.bounds = bounds;
	k.cut = false;
	k.room = room;
	k.ret = ret;
	k.links = k.dnames_put_count = 0;
	k.overflow = false;
	k.ttl_s = SCAN_TTL_MAX_S;
	if (!scan_message(&k.scan, bytes, len, qname, qtype, &k.chain[0]))
		return DISTILL_GARBLED;
	if (k.scan.cname_count > SCAN_CNAMES_MAX || k.scan.dname_count > SCAN_DNAMES_MAX)
		return DISTILL_BAD;
	return distill_work(&k);
}

enum distill distill(const uint8_t *bytes, size_t len, const struct name *qname, uint16_t qtype, bool dnssec_ok,
		     struct response_room *room, struct response *ret)
{
	return distill_within(bytes, len, qname, qtype, dnssec_ok, NULL, room, ret);
}

enum distill distill_any(const uint8_t *bytes, size_t len, const struct name *qname, uint16_t qtype, bool dnssec_ok,
			 struct response_room *room, struct response *ret)
{
	return distill_long(bytes, len, qname, qtype, dnssec_ok, NULL, room, ret);
}

enum distill distill_within(const uint8_t *bytes, size_t len, const struct name *qname, uint16_t qtype, bool dnssec_ok,
			    const struct distill_bounds *bounds, struct response_room *room, struct response *ret)
{
	if (distill_plain(bytes, len, qname, qtype, room, ret))
		return DISTILL_OK; /* it has no chain */
	return distill_long(bytes, len, qname, qtype, dnssec_ok, bounds, room, ret);
}
