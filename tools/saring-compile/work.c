/* SPDX-License-Identifier: BSD-2-Clause */
#include "saring-compile/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "compile/compile.h"
#include "import/signed_list.h"
#include "saring-compile/enclose.h"
#include "saring-compile/files.h"
#include "saring-compile/retire.h"
#include "settings/load.h"

#define SEGMENTS_DIR "segments"
#define SEGMENTS_MODE 0750
/* Entries that are compared in a run to tell what changed. It is for the record, and must not keep lists from being in force: of
 * what is larger the numbers of entries are all that is told. */
#define CHANGES_ENTRIES_MAX ((size_t)2000000)

/* A compile under way. */
struct run {
	const struct options *o;
	struct work *work;
	struct settings *settings;
	uint8_t settings_hash[16];
	struct source *sources;		   /* one for each of settings' lists */
	struct buf *refusals;		   /* of each list with a key: why what is there is not taken */
	struct source_identity *looked_at; /* of each list's file, before the images were asked what they know of it */
	struct compile_known *known_live, *known_bulk;
	struct buf segments;	  /* the directory's path; empty: nothing is kept */
	struct files_header bulk; /* zeroes: none */
	struct buf new_bulk;	  /* path of a bulk image that this run wrote; empty: none */
	struct lifts *lifts;	  /* owned; NULL: none, or errors say why */
};

static bool is_zero(const uint8_t hash[16])
{
	static const uint8_t zeroes[16];
	return memcmp(hash, zeroes, sizeof(zeroes)) == 0;
}

/* A check goes on with what could be read, to the faults in the lists. */
static bool read_settings(struct run *r)
{
	const struct options *o = r->o;
	struct err_list *errors = &r->work->errors;
	struct buf text = {NULL, 0, 0};
	struct err err = {.code = ERR_NONE};
	bool ok = o->config_fd == FD_NONE ? file_read(o->config, SETTINGS_BYTES_MAX, &text, &err)
					  : file_read_fd(o->config_fd, o->config, SETTINGS_BYTES_MAX, &text, &err);
	if (ok) {
		source_config_hash(buf_str(&text), r->settings_hash);
		r->settings = o->check ? settings_parse_faulty(buf_str(&text), o->config, errors)
				       : settings_parse(buf_str(&text), o->config, errors);
		if (o->check)
			(void)settings_check_here(r->settings, NULL, 0, errors);
	} else if (err.code == ERR_LIMIT) {
		err_list_add_at(errors, o->config, 1, 1, "%s", err.text);
	} else {
		err_list_add(errors, &err);
	}
	buf_finish(&text);
	return r->settings != NULL;
}

/* Those in mode off are looked at by a check alone: a broken one among them keeps nobody from reloading. */
static void check_lists(struct run *r)
{
	for (size_t i = 0; i < r->settings->list_count; i++) {
		source_check(r->settings, i, &r->sources[i], &r->work->errors);
		if (r->settings->lists[i].mode == MODE_OFF)
			source_close(&r->sources[i]);
	}
}

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
	if (!is_zero(live.bulk_hash)) {
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
static bool open_lists(struct run *r, bool bulk_stays)
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

static bool has_bulk(const struct run *r)
{
	for (size_t i = 0; i < r->settings->list_count; i++) {
		if (r->sources[i].segment != NULL && compile_tier(&r->settings->lists[i], &r->sources[i]) == IMAGE_BULK)
			return true;
	}
	return false;
}

/* --- the images --- */

static bool compile_one(struct run *r, enum image_tier tier, struct buf *ret)
{
	struct compile_input input = {.settings = r->settings, .sources = r->sources, .tier = tier, .faults_only = r->o->check};
	if (tier == IMAGE_LIVE) {
		input.generation = r->o->generation;
		memcpy(input.settings_hash, r->settings_hash, sizeof(input.settings_hash));
		memcpy(input.bulk_hash, r->bulk.body_hash, sizeof(input.bulk_hash));
		input.lifts = r->lifts;
	}
	return policy_compile(&input, ret, &r->work->errors);
}

static bool compile_bulk(struct run *r)
{
	struct buf image = {NULL, 0, 0}, path = {NULL, 0, 0};
	struct err err = {.code = ERR_NONE};
	bool ok = compile_one(r, IMAGE_BULK, &image) && r->work->errors.count == 0;
	if (ok && !r->o->check) {
		must(files_header_of(image.ptr, image.len, &r->bulk));
		files_bulk_path(r->o->output, r->bulk.body_hash, &path);
		bool new = false;
		ok = files_write_bulk(path.ptr, image.ptr, image.len, &new, &err);
		if (!ok)
			err_list_add(&r->work->errors, &err);
		if (new)
			buf_add_str(&r->new_bulk, buf_str(&path));
		r->work->bulk = BULK_COMPILED;
	}
	buf_finish(&image);
	buf_finish(&path);
	return ok;
}

/* The bulk tier's segments are not needed for the live one: so much less memory. Keys are kept for the sweep. */
static void close_bulk(struct run *r)
{
	for (size_t i = 0; i < r->settings->list_count; i++) {
		struct source *source = &r->sources[i];
		if (source->segment == NULL || compile_tier(&r->settings->lists[i], source) != IMAGE_BULK)
			continue;
		segment_destroy(source->segment);
		source->segment = NULL;
	}
}

/* What signatures said, before anything is served by it: a serial that was in force once is never forgotten. */
static bool remember_signed(struct run *r, struct err *err)
{
	for (size_t i = 0; i < r->settings->list_count && !r->o->rehearse; i++) {
		const struct settings_list *list = &r->settings->lists[i];
		const struct source *source = &r->sources[i];
		struct signed_record record, before;
		if (list->key == NULL || !(source->accepted || source->refused))
			continue;
		if (!signed_record_read(r->settings->state, list->name, &record, err))
			return err_context(err, "list '%s'", list->name);
		before = record;
		if (source->accepted)
			signed_record_accept(&record, list->key_text, source->serial, source->signed_hash, clock_wall_s());
		else
			signed_record_refuse(&record, r->refusals[i].len > 0 ? r->refusals[i].ptr : "", clock_wall_s());
		/* should their padding differ, it is saved once more */
		if (memcmp(&before, &record, sizeof(record)) != 0 && // NOLINT(bugprone-suspicious-memory-comparison,cert-*)
		    !(signed_make_room(r->settings->state, err) &&
		      signed_record_save(r->settings->state, list->name, &record, err)))
			return err_context(err, "list '%s': what was signed can't be remembered", list->name);
	}
	return true;
}

static bool compile_live(struct run *r)
{
	struct buf image = {NULL, 0, 0};
	struct files_header header = {.entries = 0};
	struct err err = {.code = ERR_NONE};
	bool ok = compile_one(r, IMAGE_LIVE, &image) && r->work->errors.count == 0;
	if (ok && !r->o->check) {
		must(files_header_of(image.ptr, image.len, &header));
		r->work->entries = header.entries + r->bulk.entries;
		r->work->bytes = header.bytes + r->bulk.bytes;
		ok = remember_signed(r, &err) && files_write(r->o->output, image.ptr, image.len, &err);
		if (!ok)
			err_list_add(&r->work->errors, &err);
	}
	buf_finish(&image);
	return ok;
}

static void sweep(struct run *r)
{
	const size_t count = r->settings->list_count;
	uint8_t(*keys)[16] = base_alloc((count + 1) * sizeof(keys[0]));
	for (size_t i = 0; i < count; i++) {
		const uint8_t *key = !is_zero(r->sources[i].content_key) ? r->sources[i].content_key : r->known_bulk[i].key;
		memcpy(keys[i], key, sizeof(keys[i]));
	}
	if (r->segments.len > 0)
		files_sweep_segments(r->segments.ptr, (const uint8_t(*)[16])keys, count);
	if (!r->o->rehearse)
		signed_sweep(r->settings);
	free(keys);
}

/* Is the image for the state directory, or only for somebody who wants to look at it? */
static bool is_own_state(const struct run *r)
{
	struct buf path = {NULL, 0, 0};
	struct stat out, state;
	files_beside(r->o->output, ".", &path);
	const bool own = stat(path.ptr, &out) == 0 && stat(r->settings->state, &state) == 0 && out.st_dev == state.st_dev &&
			 out.st_ino == state.st_ino;
	buf_finish(&path);
	return own;
}

/* What was lifted, as far as its list still has it. Before the bulk tier's segments are closed. Nothing ends while some list cannot
 * be read: what served before serves on, with what was lifted then. */
static bool open_lifts(struct run *r)
{
	if (r->work->errors.count > 0)
		return false;
	r->lifts = retire(r->settings, r->sources, is_own_state(r), clock_wall_s(), &r->work->errors);
	return r->lifts != NULL;
}

/* Of a check: its faults alone. One that cannot be read is somebody else's state. */
static void check_lifts(struct run *r)
{
	struct buf path = {NULL, 0, 0};
	struct err_list errors = {0};
	buf_printf(&path, "%s/" LIFTS_FILE, r->settings->state);
	r->lifts = lifts_load(path.ptr, &errors);
	for (size_t i = 0; i < errors.count; i++) {
		if (errors.items[i].line > 0)
			err_list_add(&r->work->errors, &errors.items[i]);
	}
	err_list_finish(&errors);
	buf_finish(&path);
}

/* After a failure: nothing names what was made for this run. */
static void drop_new(const struct run *r)
{
	if (r->new_bulk.len > 0)
		(void)unlink(r->new_bulk.ptr);
	if (!r->o->rehearse)
		signed_sweep(
		    r->settings); /* an accepted text that did not come in force is judged anew when it is asked for again */
}

/* --- the whole --- */

static bool check_all(struct run *r)
{
	check_lists(r);
	/* A list that could not be read, or not whole, does not keep the others' expressions from being looked at. */
	bool bulk = compile_bulk(r);
	close_bulk(r);
	check_lifts(r);
	return compile_live(r) && bulk;
}

static bool compile_all(struct run *r)
{
	files_beside(r->o->output, SEGMENTS_DIR, &r->segments);
	(void)mkdir(r->segments.ptr, SEGMENTS_MODE); /* without it nothing is kept, that is all */
	look_at_files(r);
	bool stays = open_lists(r, ask_previous(r));
	if (stays)
		r->work->bulk = BULK_KEPT;
	else
		r->bulk = (struct files_header){.entries = 0};
	/* Faulty lists do not keep the others from being compiled: their expressions are looked at only then. */
	bool ok = stays || !has_bulk(r) || compile_bulk(r);
	ok = open_lifts(r) && ok;
	close_bulk(r);
	ok = compile_live(r) && ok;
	if (ok)
		sweep(r);
	else
		drop_new(r);
	return ok;
}

static void run_finish(struct run *r)
{
	for (size_t i = 0; r->sources != NULL && i < r->settings->list_count; i++)
		source_close(&r->sources[i]);
	for (size_t i = 0; r->refusals != NULL && i < r->settings->list_count; i++)
		buf_finish(&r->refusals[i]);
	free(r->sources);
	free(r->refusals);
	free(r->looked_at);
	free(r->known_live);
	free(r->known_bulk);
	buf_finish(&r->segments);
	buf_finish(&r->new_bulk);
	lifts_destroy(r->lifts);
	settings_destroy(r->settings);
}

bool work_run(const struct options *o, struct work *ret)
{
	*ret = (struct work){.bulk = BULK_NONE};
	struct run r = {.o = o, .work = ret};
	bool ok = read_settings(&r);
	if (ok) {
		const size_t count = r.settings->list_count + 1;
		struct enclosure e = enclose(o, r.settings);
		ret->landlock = e.landlock;
		ret->seccomp = e.seccomp;
		r.sources = base_alloc(count * sizeof(r.sources[0]));
		r.refusals = base_alloc(count * sizeof(r.refusals[0]));
		r.looked_at = base_alloc(count * sizeof(r.looked_at[0]));
		r.known_live = base_alloc(count * sizeof(r.known_live[0]));
		r.known_bulk = base_alloc(count * sizeof(r.known_bulk[0]));
		ok = o->check ? check_all(&r) : compile_all(&r);
	}
	run_finish(&r);
	return ok && ret->errors.count == 0;
}

void work_finish(struct work *work)
{
	for (size_t i = 0; i < work->change_count; i++) {
		free(work->changes[i].list);
		segment_diff_finish(&work->changes[i].diff);
	}
	free(work->changes);
	work->changes = NULL;
	work->change_count = 0;
	err_list_finish(&work->errors);
}
