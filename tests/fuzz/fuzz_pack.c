/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The writer of compressed names: a script of names written into one message, some of them cut off again. All that stands there in
 * the end reads back as what was written, by us and by ldns, and no pointer leads anywhere but back.
 *
 * The script: an octet that says where in the message writing begins, then for each name an octet - bit 7: cut off what was written
 * after the name before the last - and the name, spelled out; or an octet 0x40 + n: the n-th name from the end once more. */
#include <stdbool.h> /* before ldns, which otherwise makes a bool of its own */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "base/base.h"
#include "wire/msg.h"

#define NAMES_MAX 200
#define START_STEP 70 /* so that the last place a pointer can name is reached too */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct written {
	struct name name;
	size_t at, end;
};

static uint8_t message[MSG_LEN_MAX];
static struct written names[NAMES_MAX];

static void check_one(const struct wr *w, const struct written *n)
{
	struct rd r = rd_init(message, w->pos);
	struct name name;
	r.pos = n->at;
	must(name_read(&r, &name) && r.pos == n->end && name_eq_nocase(&name, &n->name));
	ldns_rdf *rdf = NULL;
	size_t pos = n->at;
	must(ldns_wire2dname(&rdf, message, w->pos, &pos) == LDNS_STATUS_OK && pos == n->end);
	must(ldns_rdf_size(rdf) == name.len && memcmp(ldns_rdf_data(rdf), name.wire, name.len) == 0);
	ldns_rdf_deep_free(rdf);
}

/* A name as it stands in the script; false at its end. */
static bool next_name(struct rd *r, size_t count, struct name *ret, bool *ret_cut)
{
	if (rd_left(r) == 0)
		return false;
	uint8_t how = rd_u8(r);
	*ret_cut = (how & 0x80) != 0;
	if ((how & 0x40) == 0)
		return name_read_plain(r, ret);
	if (count == 0)
		return false;
	*ret = names[count - 1 - (how & 0x3f) % count].name;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	struct wr w = wr_init(message, sizeof(message));
	struct name_packer p;
	struct name name;
	size_t count = 0;
	bool cut;
	name_packer_init(&p);
	size_t start = MSG_HEADER_LEN + rd_u8(&r) * (size_t)START_STEP;
	memset(wr_room(&w, start), 0, start);
	while (count < NAMES_MAX && next_name(&r, count, &name, &cut)) {
		if (cut && count > 1) {
			count--;
			wr_cut(&w, names[count].at);
		}
		names[count].name = name;
		names[count].at = w.pos;
		name_write_packed(&w, &p, &name);
		must(!w.full && w.pos <= names[count].at + name.len && w.pos - names[count].at >= MIN((size_t)name.len, (size_t)2));
		names[count].end = w.pos;
		check_one(&w, &names[count++]);
	}
	for (size_t i = 0; i < count; i++)
		check_one(&w, &names[i]);
	return 0;
}
