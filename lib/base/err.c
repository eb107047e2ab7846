/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/err.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* A path too long for err->file keeps its end, which tells more. */
static void place(struct err *err, const char *file, uint32_t line, uint32_t column)
{
	size_t len = file == NULL ? 0 : strlen(file);
	size_t skip = len < sizeof(err->file) ? 0 : len - (sizeof(err->file) - 1);
	if (len > skip)
		memcpy(err->file, file + skip, len - skip);
	err->file[len - skip] = '\0';
	err->line = line;
	err->column = column;
}

PRINTF_LIKE(3, 0) static void fill(struct err *err, enum err_code code, const char *fmt, va_list args)
{
	char text[sizeof(err->text)]; /* an argument may be err->text itself */
	if (vsnprintf(text, sizeof(text), fmt, args) < 0)
		text[0] = '\0';
	memcpy(err->text, text, sizeof(text));
	err->code = code;
}

bool err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	if (err == NULL)
		return false;
	va_list args;
	va_start(args, fmt);
	fill(err, code, fmt, args);
	va_end(args);
	place(err, NULL, 0, 0);
	return false;
}

bool err_set_at(struct err *err, enum err_code code, const char *file, uint32_t line, uint32_t column, const char *fmt, ...)
{
	if (err == NULL)
		return false;
	va_list args;
	va_start(args, fmt);
	fill(err, code, fmt, args);
	va_end(args);
	if (file != err->file)
		place(err, file, line, column);
	err->line = line;
	err->column = column;
	return false;
}

bool err_set_errno(struct err *err, enum err_code code, const char *fmt, ...)
{
	int number = errno;
	if (err == NULL)
		return false;
	va_list args;
	va_start(args, fmt);
	fill(err, code, fmt, args);
	va_end(args);
	place(err, NULL, 0, 0);
	const char *reason = strerrordesc_np(number); /* unlike strerror, any thread may call it */
	size_t len = strlen(err->text);
	if (reason != NULL)
		(void)snprintf(err->text + len, sizeof(err->text) - len, ": %s", reason);
	else
		(void)snprintf(err->text + len, sizeof(err->text) - len, ": error %d", number);
	errno = number;
	return false;
}

bool err_context(struct err *err, const char *fmt, ...)
{
	if (err == NULL)
		return false;
	char text[sizeof(err->text)];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	size_t len = n < 0 ? 0 : MIN((size_t)n, sizeof(text) - 1);
	if (len + 2 < sizeof(text)) {
		text[len++] = ':';
		text[len++] = ' ';
		size_t rest = MIN(strlen(err->text), sizeof(text) - 1 - len);
		memcpy(text + len, err->text, rest);
		len += rest;
	}
	text[len] = '\0';
	memcpy(err->text, text, len + 1);
	return false;
}

int err_format(const struct err *err, char *buf, size_t size)
{
	if (err->file[0] == '\0')
		return snprintf(buf, size, "%s", err->text);
	if (err->line == 0)
		return snprintf(buf, size, "%s: %s", err->file, err->text);
	if (err->column == 0)
		return snprintf(buf, size, "%s:%u: %s", err->file, err->line, err->text);
	return snprintf(buf, size, "%s:%u:%u: %s", err->file, err->line, err->column, err->text);
}

void err_print(const struct err *err, FILE *out)
{
	char line[sizeof(*err) + 32], clean[4 * sizeof(line)];
	(void)err_format(err, line, sizeof(line));
	fprintf(out, "%s\n", str_clean(str_from(line), true, clean, sizeof(clean)));
}

bool err_list_is_full(const struct err_list *list)
{
	return list->count >= ERR_LIST_MAX;
}

void err_list_add(struct err_list *list, const struct err *err)
{
	if (list == NULL)
		return;
	if (err_list_is_full(list)) {
		list->swallowed++;
		return;
	}
	/* grown at each power of two: no capacity is kept */
	if ((list->count & (list->count - 1)) == 0) {
		size_t room = list->count == 0 ? 1 : list->count * 2;
		list->items = base_realloc(list->items, room * sizeof(list->items[0]));
	}
	list->items[list->count++] = *err;
}

void err_list_add_at(struct err_list *list, const char *file, uint32_t line, uint32_t column, const char *fmt, ...)
{
	struct err err;
	va_list args;
	if (list != NULL && err_list_is_full(list)) { /* a file may have millions of faults: none of them is worded */
		list->swallowed++;
		return;
	}
	va_start(args, fmt);
	fill(&err, ERR_INPUT, fmt, args);
	va_end(args);
	place(&err, file, line, column);
	err_list_add(list, &err);
}

void err_list_print(const struct err_list *list, FILE *out)
{
	for (size_t i = 0; i < list->count; i++)
		err_print(&list->items[i], out);
	if (list->swallowed > 0)
		fprintf(out, "... and %zu more\n", list->swallowed);
}

void err_list_finish(struct err_list *list)
{
	free(list->items);
	*list = (struct err_list){0};
}
