/* SPDX-License-Identifier: BSD-2-Clause */
#include "gen.h"

#include <stdlib.h>
#include <string.h>

#define LINE_MAX_LEN 512u
#define NAME_TEXT_MAX 240u /* with a fresh label before it, still a name */
#define LABEL_MAX 63u
#define TYPE_A 1u
#define RCODE_NXDOMAIN 3u
#define RECORD_FIXED 10u /* type, class, TTL, length */
#define QUESTION_FIXED 4u

bool query_encode(const char *name, enum kind kind, bool edns, struct query *ret)
{
	static const uint8_t opt[] = {0, 0, 41, 1232 >> 8, 1232 & 255, 0, 0, 0, 0, 0, 0};
	static const uint8_t question[] = {0, 0, TYPE_A, 0, 1};
	uint8_t *p = ret->bytes;
	size_t at = QUERY_HEADER;

	if (strlen(name) > NAME_TEXT_MAX)
		return false;
	*ret = (struct query){.kind = (uint8_t)kind};
	p[2] = 1; /* RD */
	p[5] = 1;
	p[11] = edns ? 1 : 0;
	if (kind == KIND_UNIQUE) {
		p[at] = QUERY_LABEL;
		memset(p + at + 1, 'a', QUERY_LABEL);
		at += 1 + QUERY_LABEL;
	}
	while (*name != '\0') {
		size_t len = strcspn(name, ".");
		if (len == 0 || len > LABEL_MAX)
			return false;
		p[at++] = (uint8_t)len;
		memcpy(p + at, name, len);
		at += len;
		name += len + (name[len] == '.');
	}
	memcpy(p + at, question, sizeof(question));
	at += sizeof(question);
	if (edns) {
		memcpy(p + at, opt, sizeof(opt));
		at += sizeof(opt);
	}
	ret->len = (uint16_t)at;
	return true;
}

struct query *queries_read(const char *path, bool edns, size_t *ret_count)
{
	FILE *f = fopen(path, "r");
	char line[LINE_MAX_LEN];
	struct query *all = NULL;
	size_t count = 0, room = 0;

	if (f == NULL)
		die("cannot read %s", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strlen(line) < 3 || strchr("BFU", line[0]) == NULL)
			die("%s: '%s' is no line \"CLASS NAME\"", path, line);
		if (count == room) {
			room = room != 0 ? 2 * room : 1024;
			all = realloc(all, room * sizeof(*all));
			if (all == NULL)
				die("out of memory");
		}
		if (query_encode(line + 2, (enum kind)line[0], edns, &all[count]))
			count++;
	}
	fclose(f);
	if (count == 0)
		die("%s: no queries", path);
	*ret_count = count;
	return all;
}

void query_label(uint8_t *label, uint64_t number)
{
	/* An odd factor: a permutation of 64 bits, of which the label shows 60; neighbours look nothing alike. */
	uint64_t u = (number * 0xD6E8FEB86659FD93ull) & ((1ull << 60) - 1);

	for (unsigned i = 0; i < QUERY_LABEL; i++, u >>= 5)
		label[i] = (uint8_t) "abcdefghijklmnopqrstuvwxyz012345"[u & 31];
}

/* Past the name that begins here; beyond the end when it is broken. */
static size_t skip_name(const uint8_t *p, size_t len, size_t at)
{
	while (at < len && p[at] != 0) {
		if (p[at] > LABEL_MAX)
			return at + 2;
		at += (size_t)p[at] + 1;
	}
	return at + 1;
}

enum kind answer_kind(const uint8_t *p, size_t len)
{
	static const uint8_t forwarded[] = {192, 0, 2, 1};

	if (len < QUERY_HEADER || (p[2] & 0x80) == 0)
		return KIND_ERROR;
	if ((p[3] & 15) != 0)
		return (p[3] & 15) == RCODE_NXDOMAIN ? KIND_BLOCKED : KIND_ERROR;
	if ((p[6] | p[7]) == 0)
		return KIND_BLOCKED;
	size_t at = skip_name(p, len, skip_name(p, len, QUERY_HEADER) + QUESTION_FIXED);
	if (at + RECORD_FIXED + sizeof(forwarded) > len)
		return KIND_ERROR;
	bool same = p[at + 1] == TYPE_A && memcmp(p + at + RECORD_FIXED, forwarded, sizeof(forwarded)) == 0;
	return same ? KIND_FORWARDED : KIND_BLOCKED;
}

bool answer_matches(const struct query *query, uint64_t number, const uint8_t *bytes, size_t len)
{
	size_t at = QUERY_HEADER, end = query->len - (query->bytes[11] != 0 ? 11u : 0u);

	if (len < end)
		return false;
	if (query->kind == KIND_UNIQUE) {
		uint8_t label[QUERY_LABEL];
		query_label(label, number);
		if (bytes[at] != QUERY_LABEL || memcmp(bytes + at + 1, label, sizeof(label)) != 0)
			return false;
		at += 1 + QUERY_LABEL;
	}
	return memcmp(bytes + at, query->bytes + at, end - at) == 0;
}
