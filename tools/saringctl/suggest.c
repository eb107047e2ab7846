/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/suggest.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TYPED_MAX 64

/* str_nearest, whatever the case of either. */
static const char *nearest(struct str typed, const char *const *words, size_t count)
{
	char lower[TYPED_MAX];
	const char *near = str_nearest(typed, words, count);
	if (near != NULL || typed.len > sizeof(lower))
		return near;
	for (size_t i = 0; i < typed.len; i++)
		lower[i] = (char)tolower((unsigned char)typed.ptr[i]);
	near = str_nearest((struct str){lower, typed.len}, words, count);
	for (size_t i = 0; near == NULL && i < typed.len; i++)
		lower[i] = (char)toupper((unsigned char)typed.ptr[i]);
	return near != NULL ? near : str_nearest((struct str){lower, typed.len}, words, count);
}

bool suggest(struct err *err, enum err_code code, struct str typed, const char *const *words, size_t count, const char *head,
	     const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args); // NOLINT(clang-analyzer-valist.Uninitialized): va_start is above
	va_end(args);
	const char *near = nearest(typed, words, count);
	return near == NULL ? err_set(err, code, "%s", text) : err_set(err, code, "%s; did you mean '%s%s'?", text, head, near);
}

bool suggest_word(struct err *err, const char *typed, const char *const *words, const char *fmt, ...)
{
	char text[sizeof(err->text)], all[sizeof(err->text)] = "";
	size_t count = 0, at = 0;
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args); // NOLINT(clang-analyzer-valist.Uninitialized): va_start is above
	va_end(args);
	for (; words[count] != NULL; count++) {
		int put = snprintf(all + at, sizeof(all) - at, "%s%s", count == 0 ? "" : ", ", words[count]);
		at = MIN(at + (size_t)MAX(put, 0), sizeof(all) - 1);
	}
	const char *near = nearest(str_from(typed), words, count);
	return near == NULL ? err_set(err, ERR_USAGE, "%s one of %s", text, all)
			    : err_set(err, ERR_USAGE, "%s one of %s; did you mean '%s'?", text, all, near);
}

const char *suggest_find(const char *const *words, const char *typed)
{
	for (; *words != NULL; words++) {
		if (strcmp(*words, typed) == 0)
			return *words;
	}
	return NULL;
}
