/* SPDX-License-Identifier: BSD-2-Clause
 *
 * world.h - for tests: a directory with a saring.yaml and lists, and a real world made from them without any process. */
#ifndef TESTS_ADMIN_WORLD_H
#define TESTS_ADMIN_WORLD_H

#include "base/base.h"
#include "generation.h"

#include <stdio.h>

struct world_dir {
	char path[64];
	char config[96];
};
void world_dir_make(struct world_dir *d);
void world_dir_remove(struct world_dir *d); /* and all files in it, and in its segments/ */
void world_write(const struct world_dir *d, const char *name, const char *text);
bool world_exists(const struct world_dir *d, const char *name);

/* Compile saring.yaml and its lists as they lie there, with this generation and time; ends the test on any error. */
struct settings *world_settings(const struct world_dir *d);
/* config: what the image's hash of saring.yaml is made of. The bulk image, if any list belongs to it, is put into the directory. */
void world_image(const struct world_dir *d, const struct settings *s, struct str config, uint32_t generation, int64_t now_s,
		 const char *path);
struct policy *world_policy(const struct world_dir *d, const struct settings *s, uint32_t generation, int64_t now_s);

#endif
