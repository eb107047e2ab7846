/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What an upstream sends: every record is read and copied into a message of our own, as far as it has room; what was copied must
 * read back as the same records, and copying the copy must give the same octets. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mutate_message.h"
#include "wire/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define CHECK(cond)              \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

#define TTL_S 0x01020304u

struct copy {
	uint8_t bytes[MSG_LEN_MAX];
	size_t len;
	unsigned records;
	bool whole;  /* all records were read and all that were read were copied */
	bool packed; /* all names, as far as they could be: NAME_PACKER_WORK_MAX was not met */
};

/* The records of in behind a header and its question. Those that break their form are left out; the first that has no room ends it.
 */
static bool copy_message(const uint8_t *bytes, size_t len, size_t cap, struct copy *ret)
{
	struct rd r = rd_init(bytes, len);
	struct wr w = wr_init(ret->bytes, cap);
	struct name_packer p;
	struct msg_header h;
	struct msg_question question;
	struct msg_rr rr;
	ret->records = 0;
	ret->whole = true;
	name_packer_init(&p);
	msg_read_header(&r, &h);
	if (!rd_ok(&r) || h.qdcount != 1 || !msg_read_question(&r, &question))
		return false;
	msg_write_header(&w, &h);
	name_write(&w, &question.name);
	name_packer_note(&p, &w, MSG_HEADER_LEN);
	wr_u16(&w, question.type);
	wr_u16(&w, question.class);
	if (w.full)
		return false;
	for (unsigned left = (unsigned)h.ancount + h.nscount + h.arcount; left > 0; left--) {
		size_t mark = wr_mark(&w), ttl_pos = 0;
		if (!msg_read_rr(&r, &rr)) {
			ret->whole = false;
			break;
		}
		CHECK(rr.rdata_pos + rr.rdata_len <= len && rr.rdata_pos + rr.rdata_len == r.pos);
		bool sound = msg_copy_rr(&w, &p, &r, &rr, TTL_S, &ttl_pos);
		CHECK(!rd_ok(&r) || w.pos <= cap);
		if (!sound || w.full) {
			bool full = w.full;
			wr_cut(&w, mark);
			ret->whole = false;
			if (full)
				break;
			continue;
		}
		CHECK(ttl_pos > mark && ttl_pos + 4 <= w.pos && ret->bytes[ttl_pos] == 1 && ret->bytes[ttl_pos + 3] == 4);
		ret->records++;
	}
	ret->len = w.pos;
	ret->packed = p.work <= NAME_PACKER_WORK_MAX;
	/* what is counted is what is there; sections do not matter here */
	wr_patch_u16(&w, 6, (uint16_t)ret->records);
	wr_patch_u16(&w, 8, 0);
	wr_patch_u16(&w, 10, 0);
	return true;
}

/* The copied records are those of the original, in order. */
static void check_records(const uint8_t *bytes, size_t len, const struct copy *copy)
{
	struct rd a = rd_init(bytes, len), b = rd_init(copy->bytes, copy->len);
	struct msg_header h;
	struct msg_question question;
	struct msg_rr before, after;
	msg_read_header(&a, &h);
	msg_read_header(&b, &h);
	CHECK(msg_read_question(&a, &question) && msg_read_question(&b, &question));
	for (unsigned left = copy->records; left > 0; left--) {
		CHECK(msg_read_rr(&a, &before) && msg_read_rr(&b, &after));
		CHECK(name_eq_nocase(&before.owner, &after.owner));
		CHECK(before.type == after.type && before.class == after.class && after.ttl_s == TTL_S);
	}
	CHECK(rd_left(&b) == 0);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	return mutate_message(data, size, max, seed, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const size_t caps[] = {MSG_UDP_PLAIN_MAX, MSG_UDP_EDNS_MAX, MSG_LEN_MAX};
	static struct copy first, second;
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		if (!copy_message(bytes, len, caps[i], &first))
			continue;
		CHECK(first.len <= caps[i]);
		if (first.whole)
			check_records(bytes, len, &first);
		CHECK(copy_message(first.bytes, first.len, MSG_LEN_MAX, &second));
		CHECK(second.records == first.records);
		CHECK(!first.packed || (second.len == first.len && memcmp(second.bytes, first.bytes, first.len) == 0));
		check_records(first.bytes, first.len, &second);
	}
	return 0;
}
