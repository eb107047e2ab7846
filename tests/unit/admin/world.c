/* SPDX-License-Identifier: BSD-2-Clause */
#include "world.h"

#include "base/file.h"
#include "list/list.h"
#include "policy/compile.h"
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

void world_dir_make(struct world_dir *d)
{
	strcpy(d->path, "/tmp/saring-world-XXXXXX");
	assert_non_null(mkdtemp(d->path));
	snprintf(d->config, sizeof(d->config), "%s/saring.yaml", d->path);
}

void world_dir_remove(struct world_dir *d)
{
	DIR *dir = opendir(d->path);
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));)
		(void)unlinkat(dirfd(dir), e->d_name, 0);
	closedir(dir);
	assert_return_code(rmdir(d->path), errno);
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

struct policy *world_policy(const struct world_dir *d, const struct settings *s, uint32_t generation, int64_t now_s)
{
	struct err_list errors = {0};
	struct err err = {0};
	struct list **lists = base_alloc((s->list_count + 1) * sizeof(struct list *));
	int64_t *changed = base_alloc((s->list_count + 1) * sizeof(*changed));
	for (size_t i = 0; i < s->list_count; i++) {
		changed[i] = 1500000000;
		if (s->lists[i].mode != MODE_OFF)
			lists[i] = list_load(s->lists[i].file, s->lists[i].file_shown, &errors);
		none(&errors);
	}
	struct compile_input input = {
	    .settings = s, .lists = lists, .changed_at_s = changed, .generation = generation, .now_s = now_s};
	struct buf image = {0};
	bool ok = policy_compile(&input, &image, &errors);
	none(&errors);
	assert_true(ok);
	char path[160];
	snprintf(path, sizeof(path), "%s/image", d->path);
	assert_true(file_replace(path, image.ptr, image.len, 0600, &err));
	struct policy *policy = NULL;
	if (!policy_open(path, &policy, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < s->list_count; i++)
		list_destroy(lists[i]);
	free(lists);
	free(changed);
	buf_finish(&image);
	return policy;
}
