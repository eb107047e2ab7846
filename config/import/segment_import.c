/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A whole text to a segment: what it is, whether it is a list at all, and the reader of its format over it. */
#include <stdlib.h>
#include <string.h>

#include "import/segment_build.h"

#define HOPELESS_LINES 10 /* so many that can't be read, and none that can: it is of another format */

void import_text(struct import *im, struct str text, void (*reader)(struct import *im, struct str text))
{
	im->segment->report.bytes = text.len;
	if (str_starts(text, "\xef\xbb\xbf")) {
		import_changed(im, CHANGE_BOM, 1, (struct str){text.ptr, 3});
		text = (struct str){text.ptr + 3, text.len - 3};
	}
	import_expect(im, text.len + text.len / 4);
	im->has_nul = text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL;
	reader(im, text);
}

static struct segment *import_yaml(struct str text, const struct segment_settings *settings, const char *path, const char *shown,
				   struct err_list *errors)
{
	struct import im;
	struct list *list = list_parse(text, path, shown, errors);
	if (list == NULL)
		return NULL;
	import_begin(&im, settings, FORMAT_YAML);
	im.segment->report.bytes = text.len;
	import_list(&im, list);
	for (struct str rest = text; rest.len > 0; im.segment->report.lines++)
		(void)str_cut(&rest, '\n');
	list_destroy(list);
	return import_end(&im);
}

#define NO_LIST "this is no list of names: it looks like "

/* Nothing was taken, and most of it was left out because it could not be read. */
static bool is_hopeless(const struct segment *s)
{
	const struct report *r = &s->report;
	uint64_t bad = r->left[LEFT_SYNTAX].count + r->left[LEFT_BAD_NAME].count + r->left[LEFT_NOT_TEXT].count;
	/* in an adblock list these are rules, which say something else than a name */
	if (s->format == FORMAT_HOSTS || s->format == FORMAT_DOMAINS || s->format == FORMAT_WILDCARD)
		bad += r->left[LEFT_PATH].count + r->left[LEFT_URL].count;
	return s->entry_count == 0 && bad > HOPELESS_LINES && bad * 2 > report_left(r);
}

/* Nothing was taken, and half of what was left out is no text. */
static bool is_binary(const struct segment *s)
{
	const struct report *r = &s->report;
	return s->entry_count == 0 && r->left[LEFT_NOT_TEXT].count > 0 && r->left[LEFT_NOT_TEXT].count * 2 >= report_left(r);
}

struct segment *segment_import(struct str text, const struct segment_settings *settings, const char *path, const char *shown,
			       struct err_list *errors)
{
	const char *why = NULL;
	enum format format = settings->format;
	struct segment *s = NULL;
	if (format != FORMAT_YAML && import_refuse(text, &why)) {
		err_list_add_at(errors, shown, 1, 1, NO_LIST "%s", why);
		return NULL;
	}
	if (format == FORMAT_AUTO && (format = import_detect(text, &why)) == FORMAT_AUTO) {
		err_list_add_at(errors, shown, 1, 1, NO_LIST "%s", why);
		return NULL;
	}
	if (format == FORMAT_YAML) {
		s = import_yaml(text, settings, path, shown, errors);
	} else {
		struct import im;
		import_begin(&im, settings, format);
		import_text(&im, text, import_run);
		s = import_end(&im);
		bool binary = is_binary(s);
		if (binary || is_hopeless(s)) {
			if (binary)
				err_list_add_at(errors, shown, 1, 1, NO_LIST "binary data");
			else
				err_list_add_at(errors, shown, 1, 1, "nothing in it reads like %s", format_words[format]);
			segment_destroy(s);
			s = NULL;
		}
	}
	if (s != NULL)
		segment_key(text, settings, s->key);
	return s;
}
