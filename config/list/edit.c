/* SPDX-License-Identifier: BSD-2-Clause */
#include "list/edit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "list/edit_text.h"
#include "settings/load.h"

#define LOCK_WAIT_MS 10000
#define NEW_FILE_MODE 0644

/* A file under its lock, as it was read. */
struct held {
	const char *path;
	int lock_fd;
	bool absent; /* and may be: then text is what a new file starts with */
	struct buf text, changed;
};

static bool hold(struct held *h, const char *path, size_t limit, const char *fresh, struct err *err)
{
	struct err reading = {0};
	*h = (struct held){.path = path, .lock_fd = -1};
	if (!file_lock(path, LOCK_WAIT_MS, &h->lock_fd, err))
		return false;
	file_sweep(path); /* what an edit left that was killed */
	if (file_read(path, limit, &h->text, &reading))
		return true;
	if (reading.code != ERR_NOT_FOUND || fresh == NULL) {
		if (err != NULL)
			*err = reading;
		return false;
	}
	h->absent = true;
	buf_add_c(&h->text, fresh);
	return true;
}

/* Write what changed. The remark that an edit left in err survives. */
static bool settle(const struct held *h, struct err *err)
{
	struct err writing = {0};
	if (!h->absent && str_eq(buf_str(&h->text), buf_str(&h->changed)))
		return true;
	if (file_replace(h->path, h->changed.ptr, h->changed.len, NEW_FILE_MODE, &writing))
		return true;
	if (err != NULL)
		*err = writing;
	return false;
}

static void release(struct held *h)
{
	if (h->lock_fd >= 0)
		close(h->lock_fd);
	buf_finish(&h->text);
	buf_finish(&h->changed);
}

struct edit_seen {
	struct buf text;
	struct edit_doc doc; /* of text */
	char *shown;	     /* owned */
};

bool edit_seen_load(const char *path, const char *shown, struct edit_seen **ret, struct err_list *errors)
{
	struct edit_seen *seen = base_alloc(sizeof(*seen));
	struct err err = {.code = ERR_NONE};
	seen->shown = base_strdup(shown);
	bool ok = file_read(path, LIST_BYTES_MAX, &seen->text, &err);
	if (!ok)
		err_list_add(errors, &err);
	ok = ok && edit_doc_open_all(&seen->doc, buf_str(&seen->text), seen->shown, errors);
	if (ok)
		*ret = seen;
	else
		edit_seen_destroy(seen);
	return ok;
}

const struct list *edit_seen_list(const struct edit_seen *seen)
{
	return seen == NULL ? NULL : seen->doc.list;
}

void edit_seen_destroy(struct edit_seen *seen)
{
	if (seen == NULL)
		return;
	edit_doc_finish(&seen->doc);
	buf_finish(&seen->text);
	free(seen->shown);
	free(seen);
}

/* What was seen, if it is what is held; else own, opened. */
static struct edit_doc *open_held(const struct held *h, struct edit_seen *seen, struct edit_doc *own, struct err *err)
{
	if (seen != NULL && seen->doc.touched == 0 && str_eq(buf_str(&seen->text), buf_str(&h->text)))
		return &seen->doc;
	return edit_doc_open(own, buf_str(&h->text), h->path, err) ? own : NULL;
}

#define FRESH_HEAD "# Made by saringctl; saring-lists(5) says what may stand here.\n"

bool edit_add(const char *path, struct edit_seen *seen, const struct edit_entry *entries, size_t count, int64_t today_s,
	      struct edit_result *results, struct err *err)
{
	struct held h;
	struct edit_doc own = {0}, *d = NULL;
	bool ok = hold(&h, path, LIST_BYTES_MAX, FRESH_HEAD "entries:\n", err) && (d = open_held(&h, seen, &own, err)) != NULL &&
		  edit_text_add_to(d, entries, count, today_s, results, &h.changed, err) && settle(&h, err);
	edit_doc_finish(&own);
	release(&h);
	return ok;
}

bool edit_create(const char *path, enum action action, struct err *err)
{
	struct held h;
	bool ok = hold(&h, path, LIST_BYTES_MAX, "", err);
	if (ok && !h.absent)
		ok = err_set(err, ERR_EXISTS, "'%s' is there already", path);
	if (ok) {
		buf_printf(&h.changed, FRESH_HEAD "action: %s\nentries: []\n", action_words[action]);
		ok = settle(&h, err);
	}
	release(&h);
	return ok;
}

bool edit_remove(const char *path, struct edit_seen *seen, const char *const *names, size_t count, struct edit_result *results,
		 struct err *err)
{
	struct held h;
	struct edit_doc own = {0}, *d = NULL;
	bool ok = hold(&h, path, LIST_BYTES_MAX, NULL, err) && (d = open_held(&h, seen, &own, err)) != NULL &&
		  edit_text_remove_from(d, names, count, results, &h.changed, err) && settle(&h, err);
	edit_doc_finish(&own);
	release(&h);
	return ok;
}

bool edit_lift(const char *path, struct edit_seen *seen, const char *const *names, size_t count, const struct lift_how *how,
	       int64_t today_s, struct edit_result *results, struct err *err)
{
	struct held h;
	struct edit_doc own = {0}, *d = NULL;
	bool ok = hold(&h, path, LIST_BYTES_MAX, NULL, err) && (d = open_held(&h, seen, &own, err)) != NULL &&
		  edit_text_lift_in(d, names, count, how, today_s, results, &h.changed, err) && settle(&h, err);
	edit_doc_finish(&own);
	release(&h);
	return ok;
}

bool edit_mode(const char *config_path, const char *list_name, enum mode mode, struct err *err)
{
	struct held h;
	bool ok = hold(&h, config_path, (size_t)(SETTINGS_BYTES_MAX), NULL, err) &&
		  edit_text_mode(buf_str(&h.text), config_path, list_name, mode, &h.changed, err) && settle(&h, err);
	release(&h);
	return ok;
}
