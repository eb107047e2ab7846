/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/operands.h"

#include <string.h>

unsigned operand_kinds(struct str text)
{
	unsigned kinds = 0;
	struct str rest = text;
	while (rest.ptr != NULL) {
		struct str one = str_cut(&rest, '|');
		if (str_eq_c(one, "FILE") || str_eq_c(one, "PATH") || str_eq_c(one, "SOCKET"))
			kinds |= OPERAND_FILE;
		else if (str_eq_c(one, "LIST"))
			kinds |= OPERAND_LIST;
		else if (str_eq_c(one, "GROUP"))
			kinds |= OPERAND_GROUP;
		else if (str_eq_c(one, "VERB"))
			kinds |= OPERAND_VERB;
		else if (one.len > 0 && one.ptr[0] >= 'a' && one.ptr[0] <= 'z')
			kinds |= OPERAND_WORD;
	}
	return kinds;
}

size_t operands_split(const char *operands, struct operand ret[OPERANDS_MAX])
{
	struct str rest = str_from(operands);
	size_t count = 0;
	if (rest.len == 0)
		return 0;
	while (rest.ptr != NULL && count < OPERANDS_MAX) {
		struct operand one = {.text = str_cut(&rest, ' ')};
		if (one.text.len > 0 && one.text.ptr[0] == '[') {
			one.optional = true;
			one.text.ptr++;
			one.text.len--;
		}
		while (one.text.len > 0 && (one.text.ptr[one.text.len - 1] == ']' || one.text.ptr[one.text.len - 1] == '.')) {
			one.many = one.many || one.text.ptr[one.text.len - 1] == '.';
			one.text.len--;
		}
		one.kinds = operand_kinds(one.text);
		if (one.text.len > 0)
			ret[count++] = one;
	}
	return count;
}

size_t operand_words(struct str text, char *buf, size_t size, const char *ret[OPERAND_WORDS_MAX + 1])
{
	size_t count = 0, at = 0;
	struct str rest = text;
	while (rest.ptr != NULL && count < OPERAND_WORDS_MAX) {
		struct str one = str_cut(&rest, '|');
		if ((operand_kinds(one) & OPERAND_WORD) == 0 || at + one.len + 1 > size)
			continue;
		memcpy(buf + at, one.ptr, one.len);
		buf[at + one.len] = '\0';
		ret[count++] = buf + at;
		at += one.len + 1;
	}
	ret[count] = NULL;
	return count;
}
