/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cmd_convert.c - import-config: what stands in another product's configuration as a saring.yaml and its lists, and what of it
 * could not be taken. Nothing is written before all is known to be sound, and nothing that is there is replaced without --force. */
#include "saringctl/context.h"

#include "base/file.h"
#include "base/str.h"
#include "ctl/proto.h"
#include "saringctl/convert.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MODE 0644
#define FOLDER_MODE 0755
#define CONFIG_NAME "saring.yaml"

static const struct {
	const char *word, *shown;
	bool (*read)(struct convert *c, const char *path);
} products[] = {
    {"pihole", "Pi-hole", convert_pihole}, {"adguardhome", "AdGuard Home", convert_adguard}, {"blocky", "Blocky", convert_blocky}};

/* ---- writing ---- */

static char *path_in(const char *folder, const char *name)
{
	struct buf b = {0};
	buf_printf(&b, "%s/%s", folder, name);
	return b.ptr;
}

static bool is_free(const char *folder, const char *name, struct err *err)
{
	struct stat st;
	char *path = path_in(folder, name);
	bool there = lstat(path, &st) == 0;
	if (there)
		(void)err_set(err, ERR_EXISTS, "%s is there already; --force replaces it", path);
	free(path);
	return !there;
}

static bool write_one(const char *folder, const char *name, struct str text, struct err *err)
{
	char *path = path_in(folder, name);
	bool good = file_replace(path, text.ptr, text.len, FILE_MODE, err);
	free(path);
	return good;
}

static bool write_all(const struct context *ctx, const struct convert *c, struct str config, struct err *err)
{
	const char *folder = ctx->in->output_path;
	bool good = ctx->in->force || is_free(folder, CONFIG_NAME, err);
	for (const struct convert_file *f = c->files; good && f != NULL; f = f->next)
		good = ctx->in->force || is_free(folder, f->path, err);
	if (good) {
		char *lists = path_in(folder, "lists");
		good = file_mkdirs(c->files != NULL ? lists : folder, FOLDER_MODE, err);
		free(lists);
	}
	for (const struct convert_file *f = c->files; good && f != NULL; f = f->next)
		good = write_one(folder, f->path, buf_str(&f->text), err);
	return good && write_one(folder, CONFIG_NAME, config, err); /* last: with it, all is there */
}

/* ---- what came of it ---- */

static json_t *counts(const struct convert *c)
{
	static const char *const arrays[][2] = {{"lists", "lists"},
						{"groups", "groups"},
						{"records", "records"},
						{"servers", "upstream.servers"},
						{"routes", "upstream.routes"}};
	json_t *taken = json_object();
	for (size_t i = 0; i < ARRAY_LEN(arrays); i++)
		json_object_set_new(taken, arrays[i][0], json_integer((json_int_t)json_array_size(convert_get(c, arrays[i][1]))));
	json_object_set_new(taken, "entries", json_integer((json_int_t)c->entries));
	json_object_set_new(taken, "settings", json_integer((json_int_t)c->put));
	json_object_set_new(taken, "off", json_integer((json_int_t)c->off));
	return taken;
}

static void show_json(const struct context *ctx, const struct convert *c, const char *from, struct str config)
{
	json_t *lists = json_object(), *all = json_object();
	for (const struct convert_file *f = c->files; f != NULL; f = f->next)
		json_object_set_new(lists, f->path, json_stringn(f->text.ptr != NULL ? f->text.ptr : "", f->text.len));
	json_object_set_new(all, "from", json_string(from));
	json_object_set_new(all, "taken", counts(c));
	json_object_set(all, "changed", c->changed);
	json_object_set(all, "left_out", c->left);
	json_object_set_new(all, "more", json_integer((json_int_t)c->changed_more + (json_int_t)c->left_more));
	json_object_set_new(all, "output", ctx->in->output_path != NULL ? json_string(ctx->in->output_path) : json_null());
	json_object_set_new(all, "config", json_stringn(config.ptr, config.len));
	json_object_set_new(all, "lists", lists);
	output_json(all);
	json_decref(all);
}

static void show_notes(const struct output *o, FILE *f, const char *head, const json_t *notes, size_t more)
{
	size_t i;
	const json_t *n;
	if (json_array_size(notes) == 0)
		return;
	output_print(o, f, PAINT_HEAD, "%s", head);
	fputc('\n', f);
	json_array_foreach(notes, i, n)
	{
		const char *file = strrchr(field_text(n, "file"), '/'), *key = field_text(n, "key");
		long long line = field_int(n, "line");
		char place[32] = "";
		if (line > 0)
			(void)snprintf(place, sizeof(place), ":%lld", line);
		output_print(o, f, PAINT_NONE, "  %s%s%s%s: %s", file != NULL ? file + 1 : field_text(n, "file"), place,
			     key[0] != '\0' ? " " : "", key, field_text(n, "why"));
		fputc('\n', f);
	}
	if (more > 0)
		fprintf(f, "  ... and %zu more\n", more);
}

static void show_text(const struct context *ctx, const struct convert *c, const char *from, struct str config)
{
	const struct output *o = &ctx->out;
	const char *folder = ctx->in->output_path;
	FILE *f = folder != NULL ? stdout : stderr; /* without a folder, stdout is for saring.yaml */
	json_t *taken = counts(c);
	char lists[FIGURE_MAX], entries[FIGURE_MAX], groups[FIGURE_MAX], records[FIGURE_MAX], routes[FIGURE_MAX],
	    servers[FIGURE_MAX];
	output_print(o, f, PAINT_NONE, "taken from %s: %s, %s of its own, %s, %s, %s, %s", from,
		     figure_count(field_int(taken, "lists"), "list", "lists", lists),
		     figure_count(field_int(taken, "entries"), "entry", "entries", entries),
		     figure_count(field_int(taken, "groups"), "group", "groups", groups),
		     figure_count(field_int(taken, "records"), "record", "records", records),
		     figure_count(field_int(taken, "servers"), "server", "servers", servers),
		     figure_count(field_int(taken, "routes"), "route", "routes", routes));
	fputc('\n', f);
	show_notes(o, f, "changed in meaning:", c->changed, c->changed_more);
	show_notes(o, f, "left out:", c->left, c->left_more);
	if (c->off > 0) {
		output_print(o, f, PAINT_NONE, "%zu more say nothing that matters here: off there, or as it is here anyway",
			     c->off);
		fputc('\n', f);
	}
	if (folder != NULL) {
		output_print(o, f, PAINT_GOOD, "written: %s/" CONFIG_NAME, folder);
		for (const struct convert_file *own = c->files; own != NULL; own = own->next)
			output_print(o, f, PAINT_NONE, ", %s", own->path);
		output_print(o, f, PAINT_NONE, "; look it over with 'saringctl check %s/" CONFIG_NAME "'", folder);
		fputc('\n', f);
	} else {
		output_note(o, "nothing was written; --output DIR does that%s",
			    c->files != NULL ? ", with the lists that it names" : "");
		(void)fwrite(config.ptr, 1, config.len, stdout);
	}
	json_decref(taken);
}

/* What was made is read as saringd would read it: a fault in it is ours, or the machine's, and nothing is written then. */
static bool is_sound(struct convert *c, struct str config)
{
	struct settings *s = settings_parse(config, CONFIG_NAME, &c->errors);
	settings_destroy(s);
	return s != NULL && c->errors.count == 0;
}

static int64_t ttl_of(const struct convert *c, const char *key, int64_t fallback_s)
{
	const json_t *value = convert_get(c, key);
	int64_t ms;
	return value != NULL && str_to_duration_ms(str_from(json_string_value(value)), &ms) ? ms / 1000 : fallback_s;
}

/* A bound below another is an error here, and is not everywhere: the lower one gives way. */
static void settle_ttls(struct convert *c)
{
	static const struct {
		const char *key;
		int64_t fallback_s;
	} above[] = {{"cache.max-ttl", 86400}, {"cache.max-negative-ttl", 3600}};
	int64_t min_s = ttl_of(c, "cache.min-ttl", 0);
	for (size_t i = 0; i < ARRAY_LEN(above); i++) {
		if (ttl_of(c, above[i].key, above[i].fallback_s) >= min_s)
			continue;
		convert_put_seconds(c, above[i].key, min_s);
		convert_changed(c, 0, above[i].key, "raised to the shortest time that answers are kept for (cache.min-ttl)");
	}
}

static enum exit_status finish(const struct context *ctx, struct convert *c, const char *from)
{
	struct buf config = {0};
	struct err err = {.code = ERR_NONE};
	enum exit_status status = STATUS_DONE;
	settle_ttls(c);
	if (json_array_size(convert_get(c, "upstream.servers")) == 0)
		convert_changed(c, 0, "",
				"none of its servers could be taken: those of /etc/resolv.conf are asked; see upstream.servers");
	convert_write(c, from, &config);
	if (!is_sound(c, buf_str(&config))) {
		(void)err_set(&err, ERR_INPUT, "what comes of it is not a sound configuration, and is not written");
		status = output_fail(&ctx->out, &err, &c->errors);
	} else if (ctx->in->output_path != NULL && !write_all(ctx, c, buf_str(&config), &err))
		status = output_fail(&ctx->out, &err, NULL);
	else if (ctx->out.json)
		show_json(ctx, c, from, buf_str(&config));
	else
		show_text(ctx, c, from, buf_str(&config));
	buf_finish(&config);
	return status;
}

enum exit_status cmd_import_config(struct context *ctx)
{
	struct convert c;
	struct err err = {.code = ERR_NONE};
	enum exit_status status;
	size_t i = 0;
	while (i < ARRAY_LEN(products) && strcmp(products[i].word, ctx->in->operands[0]) != 0)
		i++;
	if (i == ARRAY_LEN(products)) {
		(void)err_set(&err, ERR_USAGE, "'%s' is none of pihole, adguardhome and blocky", ctx->in->operands[0]);
		return output_fail(&ctx->out, &err, NULL);
	}
	convert_init(&c);
	if (products[i].read(&c, ctx->in->operands[1]))
		status = finish(ctx, &c, products[i].shown);
	else {
		(void)err_set(&err, ERR_INPUT, "%s was not read", ctx->in->operands[1]);
		status = output_fail(&ctx->out, &err, &c.errors);
	}
	convert_finish(&c);
	return status;
}
