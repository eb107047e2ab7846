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
#include "import/signed_list.h"
#include "saring-compile/enclose.h"
#include "saring-compile/lists.h"
#include "saring-compile/retire.h"
#include "saring-compile/run.h"
#include "settings/load.h"

#define SEGMENTS_DIR "segments"
#define SEGMENTS_MODE 0750

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

/* --- the images --- */

static bool has_bulk(const struct run *r)
{
	for (size_t i = 0; i < r->settings->list_count; i++) {
		if (r->sources[i].segment != NULL && compile_tier(&r->settings->lists[i], &r->sources[i]) == IMAGE_BULK)
			return true;
	}
	return false;
}

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
		const uint8_t *key = !run_is_none(r->sources[i].content_key) ? r->sources[i].content_key : r->known_bulk[i].key;
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
	lists_check(r);
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
	const bool stays = lists_open(r);
	if (stays)
		r->work->bulk = BULK_KEPT;
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
