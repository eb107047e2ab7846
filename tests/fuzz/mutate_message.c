/* SPDX-License-Identifier: BSD-2-Clause */
#include "mutate_message.h"

#include <string.h>

#include "wire/msg.h"

#define RECORDS_MAX 512
#define PLACES_MAX 64
#define RECORD_NEW_MAX 600 /* octets of a record made here */
#define RECORD_AFTER_OWNER 10

struct record {
	size_t at, fixed, rdata, end; /* fixed: its type */
};

struct mutation {
	uint8_t *bytes; /* the message */
	size_t len, max;
	uint32_t dice;
	size_t question_end;
	struct record records[RECORDS_MAX];
	size_t count;
	size_t opt_count;	     /* they come last */
	uint16_t places[PLACES_MAX]; /* where names begin */
	size_t place_count;
};

static uint32_t roll(struct mutation *m, uint32_t below)
{
	m->dice ^= m->dice << 13;
	m->dice ^= m->dice >> 17;
	m->dice ^= m->dice << 5;
	return m->dice % below;
}

static void note_place(struct mutation *m, size_t at)
{
	if (at < 0x4000 && m->place_count < PLACES_MAX)
		m->places[m->place_count++] = (uint16_t)at;
}

/* What is there, whatever the counts say. False: not even a question. */
static bool look(struct mutation *m)
{
	struct rd r = rd_init(m->bytes, m->len);
	m->count = m->opt_count = m->place_count = 0;
	rd_skip(&r, MSG_HEADER_LEN);
	note_place(m, r.pos);
	if (!name_skip(&r))
		return false;
	rd_skip(&r, 4);
	if (!rd_ok(&r))
		return false;
	m->question_end = r.pos;
	while (m->count < RECORDS_MAX && rd_left(&r) > 0) {
		struct record *rec = &m->records[m->count];
		rec->at = r.pos;
		if (!name_skip(&r))
			break;
		rec->fixed = r.pos;
		uint16_t type = rd_u16(&r);
		rd_skip(&r, 6);
		uint16_t len = rd_u16(&r);
		rec->rdata = r.pos;
		rd_skip(&r, len);
		if (!rd_ok(&r))
			break;
		rec->end = r.pos;
		note_place(m, rec->at);
		if (type == RRTYPE_CNAME || type == RRTYPE_NS || type == RRTYPE_PTR)
			note_place(m, rec->rdata);
		m->opt_count = type == RRTYPE_OPT ? m->opt_count + 1 : 0;
		m->count++;
	}
	return true;
}

/* Counts as things are: most of it answer, an OPT at the end additional; now and then some authority. */
static void set_counts(struct mutation *m)
{
	size_t answers = m->count - m->opt_count, authority = 0;
	if (answers > 0 && roll(m, 3) == 0)
		authority = roll(m, (uint32_t)answers + 1);
	struct wr w = wr_init(m->bytes + 4, 8);
	wr_u16(&w, 1);
	wr_u16(&w, (uint16_t)(answers - authority));
	wr_u16(&w, (uint16_t)authority);
	wr_u16(&w, (uint16_t)m->opt_count);
}

/* Put len octets in place of `gone` at `at`. False, and nothing happens, when there is no room. octets may lie before at. */
static bool splice(struct mutation *m, size_t at, size_t gone, const uint8_t *octets, size_t len)
{
	if (m->len - gone + len > m->max)
		return false;
	memmove(m->bytes + at + len, m->bytes + at + gone, m->len - at - gone);
	if (len > 0)
		memcpy(m->bytes + at, octets, len);
	m->len = m->len - gone + len;
	return true;
}

/* ---- records ---- */

/* n a name, t one of these types, s a string, v SvcParams, * a few octets, 1 2 4 so many */
static const struct shape {
	uint16_t type;
	const char *form;
} shapes[] = {
    {RRTYPE_A, "4"},
    {RRTYPE_A, "4"},
    {RRTYPE_AAAA, "4444"},
    {RRTYPE_CNAME, "n"},
    {RRTYPE_CNAME, "n"},
    {RRTYPE_NS, "n"},
    {RRTYPE_PTR, "n"},
    {RRTYPE_DNAME, "n"},
    {RRTYPE_SOA, "nn44444"},
    {RRTYPE_MX, "2n"},
    {RRTYPE_SRV, "222n"},
    {RRTYPE_NAPTR, "22sssn"},
    {RRTYPE_TXT, "ss"},
    {RRTYPE_RRSIG, "t114442n*"},
    {RRTYPE_RRSIG, "t114442n*"},
    {RRTYPE_NSEC, "n*"},
    {RRTYPE_NSEC3, "112*"},
    {RRTYPE_HTTPS, "2nv"},
    {RRTYPE_SVCB, "2nv"},
    {RRTYPE_HINFO, "ss"},
    {RRTYPE_RP, "nn"},
    {RRTYPE_MINFO, "nn"},
    {RRTYPE_AFSDB, "2n"},
    {RRTYPE_PX, "2nn"},
    {RRTYPE_SIG, "t114442n*"},
    {RRTYPE_NXT, "n*"},
    {RRTYPE_KX, "2n"},
    {RRTYPE_OPT, "2*"},
    {65280, "*"},
};

static void put_name(struct mutation *m, struct wr *w)
{
	static const uint8_t root[1] = {0}, spelled[] = {1, 'a', 3, 'W', 'w', 'w', 0};
	uint32_t how = roll(m, 8);
	if (how == 0) {
		wr_bytes(w, root, sizeof(root));
	} else if (how == 1) {
		wr_bytes(w, spelled, sizeof(spelled));
	} else {
		if (how == 2)
			wr_bytes(w, spelled, 2); /* a label in front of what is pointed to */
		wr_u16(w, (uint16_t)(NAME_POINTER | m->places[how < 5 ? 0 : roll(m, (uint32_t)m->place_count)]));
	}
}

static void put_params(struct mutation *m, struct wr *w)
{
	uint16_t key = 0;
	for (uint32_t left = roll(m, 4); left > 0; left--) {
		uint16_t len = (uint16_t)(roll(m, 3) * 4);
		wr_u16(w, key);
		wr_u16(w, len);
		for (uint16_t i = 0; i < len; i++)
			wr_u8(w, (uint8_t)roll(m, 256));
		key = (uint16_t)(key + roll(m, 4));
	}
}

static void put_rdata(struct mutation *m, struct wr *w, const char *form)
{
	for (; *form != '\0'; form++) {
		uint32_t count = *form >= '1' && *form <= '4' ? (uint32_t)(*form - '0') : *form == '*' ? roll(m, 8) : 0;
		switch (*form) {
		case 'n':
			put_name(m, w);
			break;
		case 't':
			wr_u16(w, shapes[roll(m, ARRAY_LEN(shapes))].type);
			break;
		case 'v':
			put_params(m, w);
			break;
		case 's':
			count = roll(m, 6);
			wr_u8(w, (uint8_t)count);
			break;
		}
		for (; count > 0; count--)
			wr_u8(w, (uint8_t)roll(m, 256));
	}
}

static void add_record(struct mutation *m)
{
	static const uint32_t ttls_s[] = {0, 1, 60, 604800, 604801, 0x80000000u, UINT32_MAX};
	const struct shape *shape = &shapes[roll(m, ARRAY_LEN(shapes))];
	uint8_t octets[RECORD_NEW_MAX];
	struct wr w = wr_init(octets, sizeof(octets));
	if (shape->type == RRTYPE_OPT)
		wr_u8(&w, 0);
	else
		put_name(m, &w);
	wr_u16(&w, shape->type);
	wr_u16(&w, roll(m, 16) == 0 ? (uint16_t)roll(m, 256) : RRCLASS_IN);
	wr_u32(&w, shape->type == RRTYPE_OPT ? 0x8000u : ttls_s[roll(m, ARRAY_LEN(ttls_s))]);
	size_t len_at = w.pos;
	wr_u16(&w, 0);
	put_rdata(m, &w, shape->form);
	wr_patch_u16(&w, len_at, (uint16_t)(w.pos - len_at - 2));
	size_t end = m->count > 0 ? m->records[m->count - 1].end : m->question_end;
	size_t at = m->opt_count > 0 && shape->type != RRTYPE_OPT ? m->records[m->count - m->opt_count].at : end;
	(void)splice(m, at, 0, octets, w.pos);
}

/* The octets of one record's RDATA, as the fuzzer would change them, and its length to fit. */
static void change_rdata(struct mutation *m, const struct record *rec)
{
	static uint8_t rdata[MSG_LEN_MAX];
	size_t len = rec->end - rec->rdata;
	memcpy(rdata, m->bytes + rec->rdata, len);
	size_t changed = LLVMFuzzerMutate(rdata, len, MIN(len + 64, sizeof(rdata)));
	if (splice(m, rec->rdata, len, rdata, changed))
		be_put_u16(m->bytes + rec->rdata - 2, (uint16_t)changed);
}

static void change_record(struct mutation *m, uint32_t how)
{
	struct record rec = m->records[roll(m, (uint32_t)m->count)];
	uint8_t name[16];
	struct wr w = wr_init(name, sizeof(name));
	switch (how) {
	case 0: /* once more, at the end or where it is */
		(void)splice(m, roll(m, 2) == 0 ? rec.end : m->records[m->count - 1].end, 0, m->bytes + rec.at, rec.end - rec.at);
		break;
	case 1:
		(void)splice(m, rec.at, rec.end - rec.at, NULL, 0);
		break;
	case 2:
		change_rdata(m, &rec);
		break;
	case 3:
		put_name(m, &w);
		(void)splice(m, rec.at, rec.fixed - rec.at, name, w.pos);
		break;
	default:
		be_put_u16(m->bytes + rec.fixed, shapes[roll(m, ARRAY_LEN(shapes))].type);
		break;
	}
}

static void change_header(struct mutation *m)
{
	static const uint16_t flags[] = {0x0100, 0x8180, 0x8183, 0x8380, 0x81a0, 0x8182, 0x0120, 0x0110};
	be_put_u16(m->bytes + 2, flags[roll(m, ARRAY_LEN(flags))]);
	if (roll(m, 4) == 0)
		be_put_u16(m->bytes + 4 + 2 * roll(m, 4), (uint16_t)roll(m, 4));
}

size_t mutate_message(uint8_t *data, size_t size, size_t max, unsigned seed, size_t front)
{
	static struct mutation m;
	m.dice = seed * 2654435761u | 1u;
	max = MIN(max, front + MSG_LEN_MAX);
	if (size <= front || size > max || roll(&m, 4) == 0)
		return LLVMFuzzerMutate(data, size, max);
	m.bytes = data + front;
	m.len = size - front;
	m.max = max - front;
	if (!look(&m))
		return LLVMFuzzerMutate(data, size, max);
	uint32_t how = roll(&m, 10);
	if (how < 4 || m.count == 0)
		add_record(&m);
	else if (how < 9)
		change_record(&m, how - 4);
	else
		change_header(&m);
	if (how < 9 && look(&m))
		set_counts(&m);
	return front + m.len;
}
