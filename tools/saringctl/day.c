/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/day.h"

#include "base/le.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH_MAX (1u << 22)

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False: it is not so many bytes in hexadecimal. */
static bool get_hex(const json_t *object, const char *key, uint8_t *ret, size_t len)
{
	const char *text = field_text(object, key);

	if (strlen(text) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
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

static void read_clients(struct distinct *ret, const json_t *name)
{
	const json_t *few = json_object_get(name, "few"), *one;
	size_t i;

	if (get_hex(name, "registers", ret->registers, sizeof(ret->registers))) {
		ret->count = DISTINCT_MANY;
		return;
	}
	*ret = (struct distinct){.count = 0};
	json_array_foreach(few, i, one)
	{
		distinct_add(ret, (uint32_t)json_integer_value(one));
	}
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
		read_clients(&n->clients, one);
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
