/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/popular.h"

#include "base/file.h"
#include "base/str.h"

bool popular_load(const char *path, struct popular *ret, struct err *err)
{
	*ret = (struct popular){.text = {.ptr = NULL}};
	if (file_read(path, POPULAR_BYTES_MAX, &ret->text, err))
		return true;
	popular_finish(ret);
	return false;
}

void popular_finish(struct popular *p)
{
	buf_finish(&p->text);
}

static struct str field(struct str s)
{
	s = str_trim(s);
	if (s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
		s = (struct str){s.ptr + 1, s.len - 2};
	return s;
}

/* False: there is no name in it. */
static bool read_line(struct str line, uint32_t place, struct name *ret, uint32_t *ret_rank)
{
	struct str rest = line, first = field(str_cut(&rest, ','));
	uint64_t rank;

	*ret_rank = place;
	if (first.len == 0 || first.ptr[0] == '#')
		return false;
	if (rest.ptr == NULL || !str_to_u64(first, &rank))
		return name_from_text(first, ret, NULL);
	*ret_rank = (uint32_t)MIN(rank, (uint64_t)UINT32_MAX);
	return name_from_text(field(str_cut(&rest, ',')), ret, NULL);
}

bool popular_next(const struct popular *p, struct popular_cursor *cursor, struct name *ret, uint32_t *ret_rank)
{
	while (cursor->at < p->text.len && cursor->count < POPULAR_NAMES_MAX) {
		struct str rest = {p->text.ptr + cursor->at, p->text.len - cursor->at};
		struct str line = str_cut(&rest, '\n');
		cursor->at += line.len + 1;
		if (read_line(line, cursor->count + 1, ret, ret_rank) && ret->labels > 0) {
			cursor->count++;
			return true;
		}
	}
	return false;
}
