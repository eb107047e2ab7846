/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/day.h"

#include "base/hex.h"
#include "base/le.h"
#include "ctl/proto.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH_MAX (1u << 22)
#define REQUEST_REST 1024 /* of a request, for what is not names */

/* False: it is not so many bytes in hexadecimal. */
static bool get_hex(const json_t *object, const char *key, uint8_t *ret, size_t len)
{
	return hex_to_bytes(str_from(field_text(object, key)), ret, len);
}

static bool read_sketch(struct day *d, const json_t *sketch)
{
	const int64_t width = field_int(sketch, "width");
	uint8_t seed[16];

	d->labels = (unsigned)MIN(MAX(field_int(sketch, "labels"), 0), NAME_LABELS_MAX);
	if (width <= 0 || width > WIDTH_MAX || (width & (width - 1)) != 0 || !get_hex(sketch, "seed", seed, sizeof(seed)))
		return false;
	d->seed = (struct siphash_key){le_get_u64(seed), le_get_u64(seed + 8)};
	countmin_init(&d->sketch, (uint32_t)width);
	const size_t count = (size_t)COUNTMIN_DEPTH * d->sketch.width;
	uint8_t *bytes = base_alloc(4 * count);
	bool good = get_hex(sketch, "counts", bytes, 4 * count);
	for (size_t i = 0; i < count && good; i++)
		d->sketch.counts[i] = le_get_u32(bytes + 4 * i);
	free(bytes);
	return good;
}

static void read_names(struct day *d, const json_t *names)
{
	const json_t *one;
	size_t i;

	d->names = base_alloc((json_array_size(names) + 1) * sizeof(d->names[0]));
	json_array_foreach(names, i, one)
	{
		struct day_name *n = &d->names[d->name_count];
		if (!name_from_text(str_from(field_text(one, "name")), &n->name, NULL))
			continue;
		n->count = (uint64_t)MAX(field_int(one, "queries"), 0);
		n->error = (uint64_t)MAX(field_int(one, "error"), 0);
		n->clients = (uint64_t)MAX(field_int(one, "clients"), 0);
		d->name_count++;
	}
}

bool day_load(struct context *ctx, bool names, struct day *ret, struct err *err)
{
	struct err_list errors = {0};
	json_t *args = names ? NULL : json_pack("{s:i}", "top", 0);

	*ret = (struct day){.reply = NULL};
	if (context_socket(ctx) == NULL) {
		json_decref(args);
		return err_set(err, ERR_INPUT, "the control socket is not known");
	}
	bool good = context_ask(ctx, "traffic", args, NULL, &ret->reply, &errors, err);
	err_list_finish(&errors);
	if (!good)
		return false;
	ret->on = field_bool(ret->reply, "on");
	ret->since = field_text(ret->reply, "since");
	ret->until = field_text(ret->reply, "until");
	ret->queries = (uint64_t)MAX(field_int(ret->reply, "queries"), 0);
	ret->clients = (uint64_t)MAX(field_int(ret->reply, "clients"), 0);
	ret->sampled = (uint64_t)MAX(field_int(ret->reply, "sampled"), 1);
	ret->lost = (uint64_t)MAX(field_int(ret->reply, "lost"), 0);
	read_names(ret, json_object_get(ret->reply, "names"));
	return read_sketch(ret, json_object_get(ret->reply, "sketch")) ||
	       err_set(err, ERR_INPUT, "what the daemon says of its traffic cannot be read");
}

void day_finish(struct day *d)
{
	countmin_finish(&d->sketch);
	free(d->names);
	json_decref(d->reply);
	*d = (struct day){.reply = NULL};
}

uint64_t day_most(const struct day *d, const uint8_t *wire, size_t len, unsigned labels, enum match match)
{
	size_t at = 0;

	if (match == MATCH_EXACT)
		return countmin_get(&d->sketch, sketch_hash(&d->seed, wire, len, true));
	if (labels == 0)
		return d->queries;
	for (; labels > d->labels; labels--)
		at += 1u + wire[at];
	return countmin_get(&d->sketch, sketch_hash(&d->seed, wire + at, len - at, false));
}

bool day_clients(struct context *ctx, const struct day *d, const size_t *numbers, size_t count, uint64_t *ret, struct err *err)
{
	struct err_list errors = {0};
	json_t *names = json_array(), *reply = NULL;
	char text[NAME_TEXT_MAX];
	size_t room = CTL_REQUEST_MAX - REQUEST_REST;

	for (size_t i = 0; i < count; i++) {
		name_to_text(&d->names[numbers[i]].name, text);
		const size_t takes = 2 * strlen(text) + 3; /* each octet may be escaped; quotes and comma */
		if (takes > room)
			break;
		room -= takes;
		must(json_array_append_new(names, json_string(text)) == 0);
	}
	json_t *args = json_pack("{s:o}", "names", names);
	must(args != NULL);
	bool good = context_ask(ctx, "traffic", args, NULL, &reply, &errors, err);
	err_list_finish(&errors);
	if (good)
		*ret = (uint64_t)MAX(field_int(reply, "clients"), 0);
	json_decref(reply);
	return good;
}
