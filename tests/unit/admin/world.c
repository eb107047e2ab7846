/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

#include "base/file.h"
#include "import/source.h"
#include "compile/compile.h"
#include "settings/identity.h"
#include "settings/load.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define WORLD_CHANGED_AT 1500000000

void world_dir_make(struct world_dir *d)
{
	strcpy(d->path, "/tmp/saring-world-XXXXXX");
	assert_non_null(mkdtemp(d->path));
	snprintf(d->config, sizeof(d->config), "%s/saring.yaml", d->path);
}

static void folder_remove(const char *path)
{
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));)
		(void)unlinkat(dirfd(dir), e->d_name, 0);
	closedir(dir);
	assert_return_code(rmdir(path), errno);
}

void world_dir_remove(struct world_dir *d)
{
	char segments[96];
	snprintf(segments, sizeof(segments), "%s/segments", d->path);
	if (access(segments, F_OK) == 0)
		folder_remove(segments);
	folder_remove(d->path);
}

void world_write(const struct world_dir *d, const char *name, const char *text)
{
	char path[160];
	struct err err = {0};
	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	if (!file_replace(path, text, strlen(text), 0644, &err))
		fail_msg("%s", err.text);
}

bool world_exists(const struct world_dir *d, const char *name)
{
	char path[160];
	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	return access(path, F_OK) == 0;
}

static void none(struct err_list *errors)
{
	if (errors->count == 0)
		return;
	err_list_print(errors, stderr);
	fail_msg("%zu errors", errors->count);
}

struct settings *world_settings(const struct world_dir *d)
{
	struct err_list errors = {0};
	struct settings *s = settings_load(d->config, &errors);
	none(&errors);
	assert_non_null(s);
	return s;
}

static void compile(struct compile_input *input, struct buf *ret)
{
	struct err_list errors = {0};
	bool ok = policy_compile(input, ret, &errors);
	none(&errors);
	assert_true(ok);
}

static void put(const char *path, const struct buf *image)
{
	struct err err = {0};
	if (!file_replace(path, image->ptr, image->len, 0600, &err))
		fail_msg("%s", err.text);
}

/* As saring-compile does it, but without keeping anything. */
static void write_images(const struct world_dir *d, struct compile_input *input, bool bulk, const char *path)
{
	struct buf image = {0};
	if (bulk) {
		char hex[33], bulk_path[160];
		uint32_t generation = input->generation;
		input->tier = IMAGE_BULK;
		input->generation = 0;
		compile(input, &image);
		memcpy(input->bulk_hash, image.ptr + IMAGE_H_BODY_HASH, sizeof(input->bulk_hash));
		for (size_t i = 0; i < sizeof(input->bulk_hash); i++)
			snprintf(&hex[2 * i], 3, "%02x", input->bulk_hash[i]);
		snprintf(bulk_path, sizeof(bulk_path), "%s/bulk-%s.img", d->path, hex);
		put(bulk_path, &image);
		buf_reset(&image);
		input->generation = generation;
	}
	input->tier = IMAGE_LIVE;
	compile(input, &image);
	put(path, &image);
	buf_finish(&image);
}

void world_image(const struct world_dir *d, const struct settings *s, struct str config, uint32_t generation, int64_t now_s,
		 const char *path)
{
	struct err_list errors = {0};
	bool bulk = false;
	struct source *sources = base_alloc((s->list_count + 1) * sizeof(*sources));
	for (size_t i = 0; i < s->list_count; i++) {
		source_open(s, i, NULL, NULL, &sources[i], &errors);
		none(&errors);
		if (sources[i].changed_at_s)
			sources[i].changed_at_s = WORLD_CHANGED_AT;
		bulk |= sources[i].segment && compile_tier(&s->lists[i], &sources[i]) == IMAGE_BULK;
	}
	struct compile_input input = {.settings = s, .sources = sources, .generation = generation, .now_s = now_s};
	source_config_hash(config, input.settings_hash);
	write_images(d, &input, bulk, path);
	for (size_t i = 0; i < s->list_count; i++)
		source_close(&sources[i]);
	free(sources);
}

struct policy *world_policy(const struct world_dir *d, const struct settings *s, uint32_t generation, int64_t now_s)
{
	char path[160];
	struct err err = {0};
	struct policy *policy = NULL;
	snprintf(path, sizeof(path), "%s/image", d->path);
	world_image(d, s, STR_LIT(""), generation, now_s, path);
	if (!policy_open(path, NULL, &policy, &err))
		fail_msg("%s", err.text);
	return policy;
}
