/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How much a message can make us do, counted and not timed: the linker puts counters around the functions that go through names
 * (meson.build), and each step of theirs - a label, a pointer, an octet compared - counts one. Messages that are made to be
 * expensive, from clients and from upstreams, in three sizes: what they cost grows with their length at most, and has a bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "upstream/distill.h"
#include "upstream/message.h"

/* Of one message of 64 KiB: a few nanoseconds each, so about 2 ms. */
#define REPLY_STEPS_MAX 700000u
#define REPLY_STEPS_PER_OCTET 64u /* of a shorter one */
#define QUERY_STEPS_MAX (MSG_QUERY_RECORDS_MAX * (NAME_LABELS_MAX + NAME_HOPS_MAX + 1u) + 100u)

static uint64_t steps;

bool __real_name_read(struct rd *r, struct name *ret);
bool __wrap_name_read(struct rd *r, struct name *ret);
bool __real_name_skip(struct rd *r);
bool __wrap_name_skip(struct rd *r);
bool __real_name_eq_nocase(const struct name *a, const struct name *b);
bool __wrap_name_eq_nocase(const struct name *a, const struct name *b);
void __real_name_fold(struct name *name);
void __wrap_name_fold(struct name *name);
void __real_name_write_packed(struct wr *w, struct name_packer *p, const struct name *name);
void __wrap_name_write_packed(struct wr *w, struct name_packer *p, const struct name *name);

/* Labels and pointers that a reader goes over, whether it takes the name or not: no more than name_read may. */
static unsigned steps_of(struct rd r)
{
	unsigned labels = 0, hops = 0;
	while (labels <= NAME_LABELS_MAX && hops <= NAME_HOPS_MAX) {
		uint8_t octet = rd_u8(&r);
		if (!rd_ok(&r) || octet == 0)
			break;
		if (octet >= 0xc0) {
			hops++;
			r.pos = (octet & 0x3fu) << 8 | rd_u8(&r);
			r.bad = r.bad || r.pos >= r.len;
		} else {
			labels++;
			rd_skip(&r, octet);
		}
	}
	return labels + hops + 1;
}

bool __wrap_name_read(struct rd *r, struct name *ret)
{
	steps += steps_of(*r);
	return __real_name_read(r, ret);
}

bool __wrap_name_skip(struct rd *r)
{
	size_t at = r->pos;
	bool ok = __real_name_skip(r);
	steps += (r->pos - at + 1) / 2;
	return ok;
}

/* Compared and folded eight octets at a time, or nearly as fast. */
bool __wrap_name_eq_nocase(const struct name *a, const struct name *b)
{
	steps += a->len == b->len ? a->len / 8u + 1 : 1;
	return __real_name_eq_nocase(a, b);
}

void __wrap_name_fold(struct name *name)
{
	steps += name->len / 8u + 1;
	__real_name_fold(name);
}

/* What it compares beside reading; it tells by itself. */
void __wrap_name_write_packed(struct wr *w, struct name_packer *p, const struct name *name)
{
	uint32_t before = p->work;
	__real_name_write_packed(w, p, name);
	steps += (p->work - before) / 8u + name->labels + 1u;
}

/* ---- messages ---- */

static uint8_t message[MSG_LEN_MAX], body[MSG_LEN_MAX];
static struct response_room room = {.body = body, .body_cap = sizeof(body)};
static struct name qname;

#define POINT(at) ((uint16_t)(NAME_POINTER | (at)))

static void begin(struct wr *w, size_t len, uint16_t type)
{
	struct err err;
	assert_true(name_from_text(STR_LIT("example"), &qname, &err));
	*w = wr_init(message, len);
	msg_write_header(w, &(struct msg_header){.id = 7, .flags = MSG_QR, .qdcount = 1});
	name_write(w, &qname);
	wr_u16(w, type);
	wr_u16(w, RRCLASS_IN);
}

/* All but the owner and the RDATA. */
static void front(struct wr *w, uint16_t type, size_t rdata_len)
{
	wr_u16(w, type);
	wr_u16(w, RRCLASS_IN);
	wr_u32(w, 60);
	wr_u16(w, (uint16_t)rdata_len);
}

/* A record of octets that mean nothing but to those who point into it. Returns where they begin. */
static size_t put_octets(struct wr *w, const uint8_t *octets, size_t len)
{
	wr_u16(w, POINT(MSG_HEADER_LEN));
	front(w, RRTYPE_NULL, len);
	size_t at = w->pos;
	wr_bytes(w, octets, len);
	return at;
}

/* A name of 255 octets and 127 labels, the last of which is c. */
static size_t put_long_name(struct wr *w, char c)
{
	uint8_t name[NAME_LEN_MAX];
	for (size_t i = 0; i + 1 < sizeof(name); i += 2) {
		name[i] = 1;
		name[i + 1] = 'a';
	}
	name[sizeof(name) - 2] = (uint8_t)c;
	name[sizeof(name) - 1] = 0;
	return put_octets(w, name, sizeof(name));
}

/* A name "CC" at which a ladder of as many pointers as may be followed ends. Returns where the last one is. */
static size_t put_ladder(struct wr *w, const char *label, unsigned rungs)
{
	uint8_t octets[NAME_LEN_MAX + 2 * NAME_HOPS_MAX];
	struct wr o = wr_init(octets, sizeof(octets));
	size_t base = w->pos + 12, last = 0;
	wr_u8(&o, (uint8_t)strlen(label));
	wr_bytes(&o, label, strlen(label));
	wr_u8(&o, 0);
	for (unsigned i = 0; i < rungs; i++) {
		size_t here = o.pos;
		wr_u16(&o, POINT(base + last));
		last = here;
	}
	assert_false(o.full);
	return put_octets(w, octets, o.pos) + last;
}

/* Fill w with records of two owners in turn, RDATA being a pointer to one of two places in turn, or without. Counts them. */
static void fill(struct wr *w, uint16_t type, const size_t owners[2], const size_t *targets, unsigned before, size_t count_at)
{
	unsigned count = before;
	for (; w->cap - w->pos >= 14; count++) {
		wr_u16(w, POINT(owners[count % 2]));
		front(w, type, targets == NULL ? 0 : 2);
		if (targets != NULL)
			wr_u16(w, POINT(targets[count % 2]));
	}
	wr_patch_u16(w, count_at, (uint16_t)count);
}

#define ANCOUNT_AT 6
#define NSCOUNT_AT 8
#define ARCOUNT_AT 10
static const size_t questions[2] = {MSG_HEADER_LEN, MSG_HEADER_LEN};

static void ladder_owners(struct wr *w)
{
	const size_t owners[2] = {put_ladder(w, "x", NAME_HOPS_MAX - 1), put_ladder(w, "y", NAME_HOPS_MAX - 1)};
	fill(w, RRTYPE_NULL, owners, NULL, 2, ANCOUNT_AT);
}

static void long_owners(struct wr *w)
{
	const size_t owners[2] = {put_long_name(w, 'x'), put_long_name(w, 'y')};
	fill(w, RRTYPE_NULL, owners, NULL, 2, ANCOUNT_AT);
}

static void long_owners_of_authority(struct wr *w)
{
	const size_t owners[2] = {put_long_name(w, 'x'), put_long_name(w, 'y')};
	wr_patch_u16(w, ANCOUNT_AT, 2);
	fill(w, RRTYPE_NSEC, owners, NULL, 0, NSCOUNT_AT);
}

static void long_owners_of_additional(struct wr *w)
{
	const size_t owners[2] = {put_long_name(w, 'x'), put_long_name(w, 'y')};
	wr_patch_u16(w, ANCOUNT_AT, 2);
	fill(w, RRTYPE_NULL, owners, NULL, 0, ARCOUNT_AT);
}

static void ladder_owners_of_nothing_else(struct wr *w)
{
	/* the ladder's record is of additional too: there is no answer, and the rcode is looked for in an OPT */
	const size_t owners[2] = {put_ladder(w, "x", NAME_HOPS_MAX - 1), put_ladder(w, "y", NAME_HOPS_MAX - 1)};
	fill(w, RRTYPE_NULL, owners, NULL, 2, ARCOUNT_AT);
}

static void long_targets(struct wr *w)
{
	const size_t targets[2] = {put_long_name(w, 'x'), put_long_name(w, 'y')};
	fill(w, RRTYPE_NS, questions, targets, 2, ANCOUNT_AT);
}

static void ladder_targets(struct wr *w)
{
	const size_t targets[2] = {put_ladder(w, "x", NAME_HOPS_MAX - 1), put_ladder(w, "y", NAME_HOPS_MAX - 1)};
	fill(w, RRTYPE_NS, questions, targets, 2, ANCOUNT_AT);
}

/* The records asked are owned by the end of a chain of CNAMEs, a long name, itself compressed in what is written. */
static void long_chain_end(struct wr *w)
{
	const size_t owner = put_long_name(w, 'x'), owners[2] = {owner, owner}, targets[2] = {owner, MSG_HEADER_LEN};
	wr_u16(w, POINT(MSG_HEADER_LEN));
	front(w, RRTYPE_CNAME, 2);
	wr_u16(w, POINT(owner));
	fill(w, RRTYPE_NS, owners, targets, 2, ANCOUNT_AT);
}

/* Names that have their last labels in common. */
static void many_names(struct wr *w)
{
	unsigned count = 0;
	for (; w->cap - w->pos >= 12 + 12; count++) {
		uint8_t label[5] = {(uint8_t)('a' + count % 26), (uint8_t)('a' + count / 26 % 26),
				    (uint8_t)('a' + count / 676 % 26), 'x', 'y'};
		wr_u16(w, POINT(MSG_HEADER_LEN));
		front(w, RRTYPE_NS, 2 * sizeof(label) + 4);
		for (size_t i = 0; i < sizeof(label); i++) {
			wr_u8(w, 1);
			wr_u8(w, label[i]);
		}
		wr_u8(w, 1);
		wr_u8(w, 'z');
		wr_u16(w, POINT(MSG_HEADER_LEN));
	}
	wr_patch_u16(w, ANCOUNT_AT, (uint16_t)count);
}

static void spelled_owners(struct wr *w)
{
	uint8_t name[NAME_LEN_MAX];
	unsigned count = 0;
	for (size_t i = 0; i + 1 < sizeof(name); i += 2) {
		name[i] = 1;
		name[i + 1] = 'b';
	}
	name[sizeof(name) - 1] = 0;
	for (; w->cap - w->pos >= sizeof(name) + 10; count++) {
		wr_bytes(w, name, sizeof(name));
		front(w, RRTYPE_NULL, 0);
	}
	wr_patch_u16(w, ANCOUNT_AT, (uint16_t)count);
}

static void signatures(struct wr *w)
{
	unsigned count = 0;
	for (; w->cap - w->pos >= 12 + 19; count++) {
		wr_u16(w, POINT(MSG_HEADER_LEN));
		front(w, RRTYPE_RRSIG, 19);
		for (int i = 0; i < 19; i++)
			wr_u8(w, (uint8_t)(i == 1 ? RRTYPE_NS : 0));
	}
	wr_patch_u16(w, ANCOUNT_AT, (uint16_t)count);
}

/* One record of almost all of the message, of as many pieces as it can have. */
static void one_record(struct wr *w, uint16_t type, const uint8_t *piece, size_t len)
{
	wr_u16(w, POINT(MSG_HEADER_LEN));
	front(w, type, (w->cap - w->pos - 10) / len * len);
	while (w->cap - w->pos >= len)
		wr_bytes(w, piece, len);
	wr_patch_u16(w, ANCOUNT_AT, 1);
}

static void empty_strings(struct wr *w)
{
	one_record(w, RRTYPE_TXT, (const uint8_t[]){0}, 1);
}

static void counts_lie(struct wr *w)
{
	const size_t owners[2] = {put_long_name(w, 'x'), MSG_HEADER_LEN};
	fill(w, RRTYPE_NS, owners, owners, 1, ANCOUNT_AT);
	for (size_t at = ANCOUNT_AT; at <= ARCOUNT_AT; at += 2)
		wr_patch_u16(w, at, UINT16_MAX);
}

/* An OPT of options without content, as many as there is room for. */
static void options(struct wr *w)
{
	wr_u8(w, 0);
	front(w, RRTYPE_OPT, (w->cap - w->pos - 10) / 4 * 4);
	wr_patch_u16(w, w->pos - 8, 1232);
	wr_patch_u16(w, w->pos - 6, 0);
	wr_patch_u16(w, w->pos - 4, 0);
	while (w->cap - w->pos >= 4)
		wr_u32(w, 0xfde90000u);
	wr_patch_u16(w, ARCOUNT_AT, 1);
}

static const struct kind {
	const char *name;
	void (*make)(struct wr *w);
	bool refused; /* when it is long */
} kinds[] = {
    {"owners at the ends of pointers, in turn", ladder_owners, true},
    {"owners of 127 labels by pointer, in turn", long_owners, true},
    {"the same in authority", long_owners_of_authority, true},
    {"the same in additional", long_owners_of_additional, false},
    {"pointers in additional alone", ladder_owners_of_nothing_else, false},
    {"targets of 127 labels by pointer, in turn", long_targets, true},
    {"targets at the ends of pointers, in turn", ladder_targets, false},
    {"a chain's end of 127 labels", long_chain_end, true},
    {"many names", many_names, false},
    {"owners of 127 labels, spelled out", spelled_owners, false},
    {"signatures", signatures, false},
    {"empty strings", empty_strings, false},
    {"counts that lie", counts_lie, true},
    {"options", options, false},
};

static const size_t lens[] = {8192, 16384, 32768, MSG_LEN_MAX};

static void make(const struct kind *kind, size_t len, uint16_t type, size_t *ret_len)
{
	struct wr w;
	begin(&w, len, type);
	kind->make(&w);
	assert_false(w.full);
	*ret_len = w.pos;
}

/* As the pool has it: is it to this question, what does it hold, what is wrong with it? Whatever is asked. */
static uint64_t reply_steps(const struct kind *kind, size_t len, enum distill *ret_how)
{
	static const uint16_t types[] = {RRTYPE_NS, RRTYPE_A, RRTYPE_ANY, RRTYPE_NULL, RRTYPE_TXT};
	uint64_t most = 0;
	*ret_how = DISTILL_OK;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct message_question asked;
		struct message_opt opt;
		struct response out;
		make(kind, len, types[i], &len);
		message_question_make(&qname, types[i], false, &asked);
		steps = 0;
		assert_int_equal(message_match(message, len, 7, &asked), MESSAGE_MATCH);
		enum distill how = distill(message, len, &qname, types[i], true, &room, &out);
		(void)message_dislikes_edns(message, len);
		message_read_opt(message, len, asked.len, &opt);
		if (how == DISTILL_BAD || how == DISTILL_GARBLED)
			*ret_how = DISTILL_BAD;
		most = MAX(most, steps);
	}
	return most;
}

static void replies(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		enum distill how = DISTILL_OK;
		for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
			uint64_t cost = reply_steps(&kinds[k], lens[i], &how);
			print_message("%-44s %5zu octets %7llu steps%s\n", kinds[k].name, lens[i], (unsigned long long)cost,
				      how == DISTILL_BAD ? ", refused" : "");
			assert_true(cost <= REPLY_STEPS_MAX);
			assert_true(cost <= lens[i] * REPLY_STEPS_PER_OCTET);
		}
		assert_int_equal(how == DISTILL_BAD, kinds[k].refused);
	}
}

/* The same messages as questions: of more records than a question has, nothing is read. */
static void queries(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct msg_query q;
		struct name name;
		size_t len;
		make(&kinds[k], MSG_LEN_MAX, RRTYPE_A, &len);
		message[2] = message[3] = 0;
		steps = 0;
		enum msg_verdict verdict = msg_parse_query(message, len, &q, &name);
		print_message("%-44s %7llu steps\n", kinds[k].name, (unsigned long long)steps);
		bool has_options = kinds[k].make == options;
		assert_int_equal(verdict, has_options ? MSG_QUERY : MSG_FORMERR);
		assert_true(steps <= QUERY_STEPS_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(replies), cmocka_unit_test(queries)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
