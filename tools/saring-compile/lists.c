/* SPDX-License-Identifier: BSD-2-Clause */
#include "saring-compile/lists.h"

#include <stdio.h>
#include <string.h>

#include "saring-compile/run.h"

/* Entries that are compared in a run to tell what changed. It is for the record, and must not keep lists from being in force: of
 * what is larger the numbers of entries are all that is told. */
#define CHANGES_ENTRIES_MAX ((size_t)2000000)

/* --- what an earlier run left --- */

static void look_at_files(struct run *r)
{
	for (size_t i = 0; i < r->settings->list_count; i++) {
		if (!source_identify_list(&r->settings->lists[i], &r->looked_at[i]))
			r->looked_at[i] = (struct source_identity){.device = 0};
	}
}

/* Fills what the two images in force know of the lists. Returns whether the bulk one can stay as it is: then r->bulk is it. */
static bool ask_previous(struct run *r)
{
	struct files_header live = {.entries = 0};
	struct buf path = {NULL, 0, 0};
	bool current = false;
	if (r->o->previous == NULL || !files_header_read(r->o->previous, &live))
		return false;
	(void)!compile_is_current(r->o->previous, r->settings, IMAGE_LIVE, r->known_live);
	if (!run_is_none(live.bulk_hash)) {
		/* it has to be where the new image will look for it */
		files_bulk_path(r->o->output, live.bulk_hash, &path);
		current = files_header_read(path.ptr, &r->bulk) &&
			  memcmp(r->bulk.body_hash, live.bulk_hash, sizeof(live.bulk_hash)) == 0 &&
			  compile_is_current(path.ptr, r->settings, IMAGE_BULK, r->known_bulk);
	}
	buf_finish(&path);
	return current;
}

static bool still_current(const struct run *r)
{
	struct buf path = {NULL, 0, 0};
	files_bulk_path(r->o->output, r->bulk.body_hash, &path);
	bool current = compile_is_current(path.ptr, r->settings, IMAGE_BULK, NULL);
	buf_finish(&path);
	return current;
}

/* --- the lists --- */

/* The copy of a url list may be damaged, or of a format that saring.yaml no longer says: that keeps nobody from serving the others.
 * The list is empty until saringd has fetched it anew. */
static void open_without_copy(struct run *r, size_t i, const struct err_list *errors)
{
	struct err err = {.code = ERR_NONE};
	char text[sizeof(struct err)];
	(void)err_format(&errors->items[0], text, sizeof(text));
	(void)err_set(&err, ERR_INPUT, "list '%s' is empty until it is fetched anew: its copy can't be used: %s",
		      r->settings->lists[i].name, text);
	err_print(&err, stderr);
	source_open_empty(r->settings, i, &r->sources[i]);
}

/* A list with a key that is refused goes on as it was last good: nobody who can write the file, or answer for its server, takes it
 * out of force. What is in a signed file and is no good list is an error, as in any file; of a url it is refused. Of one that has
 * just got its key, the copy is not out of force before a signed one is there: it goes on as it was when it had none,
 * and is told as refused. */
static bool fall_back(struct run *r, size_t i, const char *segments, const struct err_list *errors)
{
	struct source *source = &r->sources[i], old = *source;
	const struct settings_list *list = &r->settings->lists[i];
	const bool bad = old.segment == NULL && (old.refused || list->url != NULL);
	char text[sizeof(struct err)];
	if (list->key == NULL || !(bad || old.missing))
		return false;
	buf_reset(&r->refusals[i]);
	if (errors->count > 0) {
		(void)err_format(&errors->items[0], text, sizeof(text));
		buf_add_c(&r->refusals[i], text);
	}
	old.segment = NULL;
	old.accepted = old.missing = false;
	old.refused = errors->count > 0;
	if (!source_open_last_good(r->settings, i, segments, &old) &&
	    !(old.refused && source_open_unsigned(r->settings, i, segments, &old))) {
		source->refused = old.refused;
		source->accepted = false;
		return false;
	}
	segment_destroy(source->segment);
	*source = old;
	return true;
}

static void say_refused(const struct run *r, size_t i)
{
	struct err err = {.code = ERR_NONE};
	if (r->refusals[i].len == 0)
		return;
	(void)err_set(&err, ERR_INPUT, "list '%s' is refused, and stays as it was: %s", r->settings->lists[i].name,
		      r->refusals[i].ptr);
	err_print(&err, stderr);
}

static void take_errors(struct run *r, const struct err_list *errors)
{
	for (size_t n = 0; n < errors->count; n++)
		err_list_add(&r->work->errors, &errors->items[n]);
	r->work->errors.swallowed += errors->swallowed;
}

static void open_source(struct run *r, size_t i, const char *segments, const uint8_t known[16])
{
	struct err_list errors = {0};
	if (r->o->rehearse)
		source_open(r->settings, i, segments, known, &r->sources[i], &errors);
	else
		source_open_keep(r->settings, i, segments, known, &r->sources[i], &errors);
	const bool judged = !r->sources[i].unjudged;
	if (judged && fall_back(r, i, segments, &errors))
		say_refused(r, i);
	else if (judged && r->settings->lists[i].url != NULL && r->sources[i].segment == NULL && errors.count > 0)
		open_without_copy(r, i, &errors);
	else
		take_errors(r, &errors);
	err_list_finish(&errors);
}

/* What the list has become since the image before, where the segment it was made of is still there. */
static void note_change(struct run *r, size_t i)
{
	const struct compile_known *known = r->known_live[i].had ? &r->known_live[i] : &r->known_bulk[i];
	const struct source *source = &r->sources[i];
	if (!known->had || r->segments.len == 0 || memcmp(known->before, source->content_key, sizeof(known->before)) == 0)
		return;
	struct segment *before = segment_load(r->segments.ptr, known->before);
	if (before == NULL)
		return;
	struct work *w = r->work;
	const size_t cost = segment_diff_cost(before, source->segment);
	if (cost > CHANGES_ENTRIES_MAX - w->entries_compared) {
		segment_destroy(before);
		return;
	}
	w->entries_compared += cost;
	w->changes = base_realloc(w->changes, (w->change_count + 1) * sizeof(w->changes[0]));
	struct work_change *change = &w->changes[w->change_count++];
	*change = (struct work_change){.list = base_strdup(r->settings->lists[i].name)};
	memcpy(change->before, known->before, sizeof(change->before));
	memcpy(change->after, source->content_key, sizeof(change->after));
	segment_diff(before, source->segment, &change->diff);
	segment_destroy(before);
}

static void open_list(struct run *r, size_t i)
{
	const char *segments = r->segments.len > 0 ? r->segments.ptr : NULL;
	const uint8_t *known = r->known_live[i].known ? r->known_live[i].key : r->known_bulk[i].known ? r->known_bulk[i].key : NULL;
	struct source *source = &r->sources[i];
	open_source(r, i, segments, known);
	/* The key was recorded for the file as it was looked at. If it is another one by now, the key is not its. */
	if (known != NULL && source->segment != NULL && !source_same(&source->identity, &r->looked_at[i])) {
		source_close(source);
		open_source(r, i, segments, NULL);
	}
	if (source->segment == NULL)
		return;
	if (source->kept)
		r->work->segments_kept++;
	else
		r->work->segments_made++;
	note_change(r, i);
}

/* bulk_stays: the bulk tier's lists need not be opened. One that the image knew otherwise than by its identity is opened
 * nevertheless, to see that it is one of them. */
static bool open_all(struct run *r, bool bulk_stays)
{
	const struct settings *s = r->settings;
	for (size_t i = 0; i < s->list_count; i++) {
		if (s->lists[i].mode == MODE_OFF)
			continue;
		r->work->lists++;
		if (bulk_stays && r->known_bulk[i].known)
			continue;
		open_list(r, i);
		/* it may have become so big since the image was asked */
		if (bulk_stays && r->sources[i].segment != NULL && compile_tier(&s->lists[i], &r->sources[i]) == IMAGE_BULK)
			bulk_stays = still_current(r);
	}
	for (size_t i = 0; !bulk_stays && i < s->list_count; i++) {
		if (s->lists[i].mode != MODE_OFF && r->sources[i].segment == NULL && r->work->errors.count == 0)
			open_list(r, i);
	}
	return bulk_stays;
}

bool lists_open(struct run *r)
{
	look_at_files(r);
	const bool bulk_stays = open_all(r, ask_previous(r));
	if (!bulk_stays)
		r->bulk = (struct files_header){.entries = 0};
	return bulk_stays;
}

void lists_check(struct run *r)
{
	for (size_t i = 0; i < r->settings->list_count; i++) {
		source_check(r->settings, i, &r->sources[i], &r->work->errors);
		if (r->settings->lists[i].mode == MODE_OFF)
			source_close(&r->sources[i]);
	}
}
