/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/impact.h"

#include <libpsl.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX_LABELS_MAX 6 /* of the public suffixes there are; longer names need not be asked about */

void impact_init(struct impact *im, const struct day *day)
{
	memset(im, 0, sizeof(*im));
	im->day = day;
	covered_init(&im->covered);
	for (size_t i = 0; day != NULL && i < day->name_count; i++)
		covered_want(&im->covered, &day->names[i].name);
}

void impact_finish(struct impact *im)
{
	covered_finish(&im->covered);
	free(im->cares);
	im->cares = NULL;
}

void impact_care(struct impact *im, const struct name *name, enum care why, const char *list)
{
	if (im->care_count == im->care_room) {
		im->care_room = MAX(2 * im->care_room, (size_t)64);
		im->cares = base_realloc(im->cares, im->care_room * sizeof(im->cares[0]));
	}
	im->cares[im->care_count++] = (struct care_name){.name = *name, .why = why, .list = list};
	covered_want(&im->covered, name);
}

/* All of a public suffix: com, co.uk, github.io. */
static bool is_suffix(const struct name *name)
{
	char text[NAME_TEXT_MAX];

	if (name->labels <= 1)
		return true;
	return name->labels <= SUFFIX_LABELS_MAX && psl_is_public_suffix(psl_builtin(), name_to_text(name, text)) != 0;
}

static void keep_top(struct impact *im, const struct name *name, enum match match, uint64_t most)
{
	size_t at = im->top_count;

	if (most == 0 || (at == IMPACT_SHOWN && most <= im->top[at - 1].most))
		return;
	if (at == IMPACT_SHOWN)
		at--;
	else
		im->top_count++;
	for (; at > 0 && im->top[at - 1].most < most; at--)
		im->top[at] = im->top[at - 1];
	im->top[at] = (struct impact_entry){.name = *name, .match = match, .most = most};
}

void impact_entry(struct impact *im, const uint8_t *wire, size_t len, unsigned labels, enum match match)
{
	struct name name;

	im->names++;
	covered_entry(&im->covered, wire, len, match);
	const uint64_t most = im->day != NULL ? day_most(im->day, wire, len, labels, match) : 0;
	im->sum += most;
	if ((most == 0 && labels > SUFFIX_LABELS_MAX) || !name_from_wire(wire, len, &name))
		return;
	keep_top(im, &name, match, most);
	if (match == MATCH_EXACT || !is_suffix(&name))
		return;
	if (im->suffix_count < IMPACT_SHOWN)
		im->suffixes[im->suffix_count] = name;
	im->suffix_count++;
}

void impact_sum(const struct impact *im, struct impact_sum *ret)
{
	const struct day *d = im->day;
	uint64_t counted = 0, hit = 0;

	*ret = (struct impact_sum){.names = NULL};
	if (d == NULL)
		return;
	ret->names = base_alloc((d->name_count + 1) * sizeof(ret->names[0]));
	for (size_t i = 0; i < d->name_count; i++) {
		const struct day_name *n = &d->names[i];
		const uint64_t sure = n->count - MIN(n->error, n->count);
		counted += sure;
		if (!covered_is(&im->covered, &n->name, NULL))
			continue;
		ret->names[ret->name_count++] = i;
		ret->least += sure;
		hit += n->count;
	}
	const uint64_t besides = d->queries - MIN(counted, d->queries);
	ret->most = MIN(MIN(im->sum, hit + besides), d->queries);
	ret->most = MAX(ret->most, ret->least);
}

void impact_sum_finish(struct impact_sum *s)
{
	free(s->names);
	s->names = NULL;
}
