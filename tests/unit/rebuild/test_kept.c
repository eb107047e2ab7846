/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The start from what an earlier run compiled: served at once when nothing has changed, else compiled, and never believed when it
 * is damaged. The compiler here is a script that notes its arguments and runs the real one, or one that must not be started at all.
 */
#include "rebuild/kept.h"

#include "base/file.h"
#include "rebuild/images.h"
#include "policy/image.h"
#include "rebuild_rig.h"
#include "settings/identity.h"
#include "settings/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cmocka.h>

#define TWO_TIERS                                  \
	"state: .\n"                               \
	"upstream: {servers: [dns://192.0.2.1]}\n" \
	"lists: [{name: one, file: one.yaml}, {name: big, file: big.txt, format: hosts}]\n"
#define MUST_NOT_RUN "#!/bin/sh\ntouch \"${0%/*}/ran\"\nexit 9\n"

static void path_of(const struct rig *r, const char *name, char buf[160])
{
	snprintf(buf, 160, "%s/%s", r->dir.path, name);
}

/* A list that has just been written is not known by its times: wait until it is. */
static void settle(const struct rig *r, const char *name)
{
	struct source_identity identity;
	char path[160];
	path_of(r, name, path);
	do
		assert_true(source_identify(path, &identity));
	while (!source_same(&identity, &identity));
}

static void write_settled(const struct rig *r, const char *name, const char *text)
{
	world_write(&r->dir, name, text);
	settle(r, name);
}

/* The real compiler, with its arguments noted. */
static void noting(struct rig *r)
{
	char text[1024];
	snprintf(text, sizeof(text), "#!/bin/sh\necho \"$*\" >>\"${0%%/*}/args\"\nexec %s \"$@\"\n", getenv("SARING_COMPILE"));
	rig_script(r, text);
}

/* How often the compiler ran, and how often it was given an image before. */
static size_t runs_noted(const struct rig *r, size_t *ret_with_previous)
{
	char path[160];
	struct buf text = {0};
	struct err err = {0};
	size_t runs = 0;
	*ret_with_previous = 0;
	path_of(r, "args", path);
	if (!file_read(path, 65536, &text, &err))
		return 0;
	struct str rest = buf_str(&text);
	while (rest.len > 0) {
		struct str line = str_cut(&rest, '\n');
		runs++;
		*ret_with_previous += memmem(line.ptr, line.len, " --previous ", 12) != NULL;
	}
	buf_finish(&text);
	assert_return_code(unlink(path), errno);
	return runs;
}

/* The one bulk image there is. */
static void bulk_name(const struct rig *r, char ret[64])
{
	DIR *dir = opendir(r->dir.path);
	assert_non_null(dir);
	ret[0] = '\0';
	for (struct dirent *e; (e = readdir(dir));) {
		if (strncmp(e->d_name, "bulk-", 5) != 0)
			continue;
		assert_string_equal(ret, "");
		snprintf(ret, 64, "%.60s", e->d_name);
	}
	closedir(dir);
	assert_string_not_equal(ret, "");
}

static ino_t inode_of(const struct rig *r, const char *name)
{
	struct stat st;
	char path[160];
	path_of(r, name, path);
	assert_return_code(stat(path, &st), errno);
	return st.st_ino;
}

static void two_tiers(struct rig *r)
{
	world_write(&r->dir, "saring.yaml", TWO_TIERS);
	world_write(&r->dir, "big.txt", "0.0.0.0 big.example\n0.0.0.0 bigger.example\n");
	settle(r, "one.yaml");
	settle(r, "big.txt");
	noting(r);
	rig_serve(r);
	size_t previous;
	assert_int_equal(runs_noted(r, &previous), 1);
	assert_true(rig_blocks(r, "a.example") && rig_blocks(r, "big.example"));
}

/* Start again; nothing is compiled. */
static void served_as_kept(struct rig *r, uint32_t generation)
{
	rig_end(r);
	rig_script(r, MUST_NOT_RUN);
	rig_begin(r);
	assert_int_equal(r->first.count, 0);
	assert_non_null(generation_current(r->generations)); /* at once, before the loop has turned */
	rig_await(r, &r->first);
	assert_true(r->first.ok);
	assert_int_equal(r->first.generation, generation);
	assert_false(world_exists(&r->dir, "ran"));
	noting(r);
}

/* Start again; it is compiled, `with` the image before or without. */
static void served_compiled(struct rig *r, uint32_t generation, bool with_previous)
{
	size_t previous;
	rig_end(r);
	noting(r);
	rig_serve(r);
	assert_int_equal(r->first.generation, generation);
	assert_int_equal(runs_noted(r, &previous), 1);
	assert_int_equal(previous, with_previous);
}

/* ---- the start ---- */

static void test_nothing_has_changed(void **state)
{
	struct rig *r = *state;
	settle(r, "one.yaml");
	rig_serve(r);
	assert_int_equal(r->first_published, 1);
	served_as_kept(r, 1);
	assert_int_equal(r->first_published, 2);
	assert_string_equal(r->first.bulk, "none");
	assert_true(rig_blocks(r, "a.example"));
	assert_false(rig_blocks(r, "b.example"));
	assert_true(world_exists(&r->dir, "policy-1.img"));
	served_as_kept(r, 1);
}

static void test_two_tiers(void **state)
{
	struct rig *r = *state;
	char bulk[64], again[64];
	two_tiers(r);
	bulk_name(r, bulk);
	served_as_kept(r, 1);
	assert_string_equal(r->first.bulk, "kept");
	assert_true(rig_blocks(r, "a.example") && rig_blocks(r, "bigger.example"));
	bulk_name(r, again);
	assert_string_equal(bulk, again);
}

/* What follows a start from a kept image goes on as ever. */
static void test_edit_after(void **state)
{
	struct rig *r = *state;
	struct rig_told t = {0};
	char bulk[64];
	two_tiers(r);
	bulk_name(r, bulk);
	ino_t inode = inode_of(r, bulk);
	served_as_kept(r, 1);
	world_write(&r->dir, "one.yaml", "action: block\nentries: [edited.example]\n");
	rig_end(r);
	noting(r);
	rig_serve(r);
	rebuild_request(r->rebuild, REBUILD_LISTS, rig_on_told, &t);
	rig_await(r, &t);
	assert_true(t.ok);
	assert_int_equal(t.generation, 3);
	assert_string_equal(t.bulk, "kept");
	assert_true(rig_blocks(r, "edited.example") && rig_blocks(r, "big.example"));
	assert_false(rig_blocks(r, "a.example"));
	assert_true(inode_of(r, bulk) == inode);
	assert_false(world_exists(&r->dir, "policy-1.img") || world_exists(&r->dir, "policy-2.img"));
}

static void test_list_changed(void **state)
{
	struct rig *r = *state;
	settle(r, "one.yaml");
	rig_serve(r);
	write_settled(r, "one.yaml", "action: block\nentries:\n  - b.example\n"); /* of the same size */
	served_compiled(r, 2, true);
	assert_true(rig_blocks(r, "b.example"));
	assert_false(rig_blocks(r, "a.example"));
	assert_false(world_exists(&r->dir, "policy-1.img"));
	served_as_kept(r, 2);
}

static void test_bulk_list_changed(void **state)
{
	struct rig *r = *state;
	char bulk[64], after[64];
	two_tiers(r);
	bulk_name(r, bulk);
	write_settled(r, "big.txt", "0.0.0.0 huge.example\n");
	served_compiled(r, 2, true);
	assert_string_equal(r->first.bulk, "compiled");
	assert_true(rig_blocks(r, "huge.example") && rig_blocks(r, "a.example"));
	assert_false(rig_blocks(r, "big.example"));
	bulk_name(r, after); /* and the other one is gone */
	assert_string_not_equal(bulk, after);
}

static void test_settings_changed(void **state)
{
	struct rig *r = *state;
	char bulk[64];
	two_tiers(r);
	bulk_name(r, bulk);
	ino_t inode = inode_of(r, bulk);
	world_write(&r->dir, "saring.yaml", TWO_TIERS "# a remark\n");
	served_compiled(r, 2, true);
	assert_string_equal(r->first.bulk, "kept");
	assert_true(rig_blocks(r, "a.example") && rig_blocks(r, "big.example"));
	assert_true(inode_of(r, bulk) == inode);
	served_as_kept(r, 2);
}

static void test_list_gone(void **state)
{
	struct rig *r = *state;
	char path[160];
	settle(r, "one.yaml");
	rig_serve(r);
	path_of(r, "one.yaml", path);
	assert_return_code(unlink(path), errno);
	rig_end(r);
	rig_begin(r);
	rig_await(r, &r->first);
	assert_false(r->first.ok);
	assert_true(r->first.errors > 0);
	assert_null(generation_current(r->generations));
	assert_true(world_exists(&r->dir, "policy-1.img"));
}

/* ---- images that are not to be believed ---- */

static void read_whole(const char *path, struct buf *ret)
{
	struct err err = {0};
	if (!file_read(path, (size_t)1 << 26, ret, &err))
		fail_msg("%s", err.text);
}

static void write_whole(const char *path, const struct buf *bytes)
{
	struct err err = {0};
	if (!file_replace(path, bytes->ptr, bytes->len, 0600, &err))
		fail_msg("%s", err.text);
}

/* Both checksums again, as of an image that was written so. */
static void seal(struct buf *image)
{
	XXH128_canonical_t body;
	XXH128_canonicalFromHash(&body, XXH3_128bits(image->ptr + IMAGE_HEADER_SIZE, image->len - IMAGE_HEADER_SIZE));
	memcpy(image->ptr + IMAGE_H_BODY_HASH, body.digest, sizeof(body.digest));
	uint64_t header = XXH3_64bits(image->ptr, IMAGE_H_HEADER_CHECKSUM);
	for (size_t i = 0; i < 8; i++)
		image->ptr[IMAGE_H_HEADER_CHECKSUM + i] = (char)(header >> (8 * i));
}

enum damage { DAMAGE_HEADER, DAMAGE_BODY, DAMAGE_CUT, DAMAGE_EMPTY, DAMAGE_VERSION, DAMAGE_GENERATION, DAMAGE_COUNT };

static void damage(const char *path, enum damage what)
{
	struct buf image = {0};
	read_whole(path, &image);
	switch (what) {
	case DAMAGE_HEADER:
		image.ptr[IMAGE_H_TTL] ^= 1;
		break;
	case DAMAGE_BODY:
		image.ptr[image.len / 2 + IMAGE_HEADER_SIZE / 2] ^= 1;
		break;
	case DAMAGE_CUT:
		image.len -= 64;
		break;
	case DAMAGE_EMPTY:
		image.len = 0;
		break;
	case DAMAGE_VERSION:
		image.ptr[IMAGE_H_VERSION] = IMAGE_VERSION - 1;
		seal(&image);
		break;
	case DAMAGE_GENERATION: /* a sound image under another's name */
		image.ptr[IMAGE_H_GENERATION] ^= 4;
		seal(&image);
		break;
	case DAMAGE_COUNT:
		break;
	}
	write_whole(path, &image);
	buf_finish(&image);
}

static void test_damaged(void **state)
{
	struct rig *r = *state;
	char path[160], name[32];
	settle(r, "one.yaml");
	rig_serve(r);
	for (unsigned i = 0; i < DAMAGE_COUNT; i++) {
		snprintf(name, sizeof(name), "policy-%u.img", i + 1);
		path_of(r, name, path);
		damage(path, (enum damage)i);
		served_compiled(r, i + 2, false);
		assert_true(rig_blocks(r, "a.example"));
		assert_false(world_exists(&r->dir, name));
	}
	served_as_kept(r, DAMAGE_COUNT + 1);
}

/* The header of a bulk image may be good, and its body not: the compiler must not be led by it. */
static void test_bulk_damaged(void **state)
{
	struct rig *r = *state;
	char path[160], bulk[64];
	two_tiers(r);
	for (unsigned i = 0; i < DAMAGE_GENERATION; i++) {
		bulk_name(r, bulk);
		path_of(r, bulk, path);
		damage(path, (enum damage)i);
		served_compiled(r, i + 2, false);
		assert_string_equal(r->first.bulk, "compiled");
		assert_true(rig_blocks(r, "big.example") && rig_blocks(r, "a.example"));
	}
	bulk_name(r, bulk);
	path_of(r, bulk, path);
	assert_return_code(unlink(path), errno);
	served_compiled(r, DAMAGE_GENERATION + 2, false);
	assert_true(rig_blocks(r, "big.example"));
	served_as_kept(r, DAMAGE_GENERATION + 2);
}

/* A sound image that does not know whether its list was changing. */
static void test_racy_identity(void **state)
{
	struct rig *r = *state;
	char path[160];
	struct buf image = {0};
	settle(r, "one.yaml");
	rig_serve(r);
	path_of(r, "policy-1.img", path);
	read_whole(path, &image);
	uint64_t lists = 0;
	for (size_t i = 0; i < 8; i++)
		lists |= (uint64_t)(uint8_t)image.ptr[IMAGE_H_SECTIONS + 16 * IMAGE_LISTS + i] << (8 * i);
	assert_true(lists >= IMAGE_HEADER_SIZE && lists + IMAGE_LIST_SIZE <= image.len);
	memset(image.ptr + lists + IMAGE_LIST_IDENTITY, 0, SOURCE_IDENTITY_SIZE);
	seal(&image);
	write_whole(path, &image);
	buf_finish(&image);
	served_compiled(r, 2, true);
	served_as_kept(r, 2);
}

/* While serving: what the compiler made of the image before cannot be used; it is started once more, with nothing to go by. */
static void test_compiled_anew(void **state)
{
	struct rig *r = *state;
	struct rig_told t = {0};
	char text[1024];
	size_t previous;
	settle(r, "one.yaml");
	rig_serve(r);
	rig_end(r);
	snprintf(text, sizeof(text),
		 "#!/bin/sh\necho \"$*\" >>\"${0%%/*}/args\"\ncase \"$*\" in *--previous*) echo nonsense >\"$4\"\n"
		 "printf %%s '{\"ok\":true,\"lists\":1,\"entries\":1,\"compile_seconds\":0,\"bytes\":1}' >&4; exit 0;; esac\n"
		 "exec %s \"$@\"\n",
		 getenv("SARING_COMPILE"));
	rig_script(r, text);
	rig_serve(r);
	assert_int_equal(runs_noted(r, &previous), 0);
	world_write(&r->dir, "one.yaml", "action: block\nentries: [b.example]\n");
	rebuild_request(r->rebuild, REBUILD_LISTS, rig_on_told, &t);
	rig_await(r, &t);
	assert_true(t.ok);
	assert_int_equal(t.generation, 2);
	assert_true(rig_blocks(r, "b.example"));
	assert_int_equal(runs_noted(r, &previous), 2);
	assert_int_equal(previous, 1);
	assert_int_equal(rebuild_runs(r->rebuild), 2);
}

/* ---- what it looks at ---- */

static bool current(const struct rig *r, const struct policy *policy, const char *config)
{
	struct err_list errors = {0};
	struct err why = {0};
	struct settings *s = settings_parse(str_from(config), r->dir.config, &errors);
	if (!s) {
		err_list_print(&errors, stderr);
		fail_msg("%s", config);
	}
	/* The settings may differ behind an equal hash: that is the point here. */
	bool is = kept_is_current(policy, s, STR_LIT("the bytes"), &why);
	if (!is)
		assert_true(why.text[0] != '\0');
	settings_destroy(s);
	return is;
}

static void test_lists_of_the_image(void **state)
{
	struct rig *r = *state;
	struct err err = {0};
	struct policy *policy;
	char path[160];
	static const char named[] = "lists: [{name: one, file: one.yaml}, {name: off, file: gone.yaml, mode: off}, "
				    "{name: two, file: two.yaml}]\n";
	write_settled(r, "two.yaml", "entries: [two.example]\n");
	settle(r, "one.yaml");
	world_write(&r->dir, "saring.yaml", named);
	struct settings *s = world_settings(&r->dir);
	path_of(r, "image", path);
	world_image(&r->dir, s, STR_LIT("the bytes"), 1, 1500000000, path);
	settings_destroy(s);
	assert_true(policy_open(path, NULL, &policy, &err));
	assert_true(current(r, policy, named));
	static const char *const others[] = {
	    "{}",
	    "lists: [{name: one, file: one.yaml}]\n",
	    "lists: [{name: two, file: two.yaml}, {name: one, file: one.yaml}]\n",
	    "lists: [{name: one, file: one.yaml}, {name: too, file: two.yaml}]\n",
	    "lists: [{name: one, file: one.yaml}, {name: two, file: one.yaml}]\n",
	    "lists: [{name: one, file: one.yaml}, {name: two, file: two.yaml, mode: off}]\n",
	    "lists: [{name: one, file: one.yaml}, {name: two, file: two.yaml}, {name: three, file: two.yaml}]\n",
	    "lists: [{name: one, file: one.yaml}, {name: two, file: nowhere.yaml}]\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (current(r, policy, others[i]))
			fail_msg("taken: %s", others[i]);
	struct settings *same = world_settings(&r->dir);
	assert_false(kept_is_current(policy, same, STR_LIT("the Bytes"), &err));
	assert_non_null(strstr(err.text, "saring.yaml"));
	settings_destroy(same);
	/* Replaced by one with the very same text: nobody can tell without reading it. */
	write_settled(r, "two.yaml", "entries: [two.example]\n");
	assert_false(current(r, policy, named));
	policy_close(policy);
}

/* ---- files by name ---- */

static void test_bulk_files(void **state)
{
	struct rig *r = *state;
	static const char kept[] = "bulk-00112233445566778899aabbccddeeff.img";
	static const char *const ours[] = {"bulk-ffffffffffffffffffffffffffffffff.img",
					   ".bulk-00112233445566778899aabbccddeeff.img.a1B2c3", "policy-2.img"};
	static const char *const others[] = {"bulk-.img",
					     "bulk-0011.img",
					     "bulk-00112233445566778899AABBCCDDEEFF.img",
					     "bulk-00112233445566778899aabbccddeeff.img.bak",
					     "bulk-00112233445566778899aabbccddeeff0.img",
					     "policy-3.img"};
	world_write(&r->dir, kept, "x");
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		world_write(&r->dir, ours[i], "x");
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		world_write(&r->dir, others[i], "x");
	images_keep_only(r->dir.path, 3, kept);
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		assert_false(world_exists(&r->dir, ours[i]));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_true(world_exists(&r->dir, others[i]));
	assert_true(world_exists(&r->dir, kept));
	images_drop_bulk(r->dir.path, kept);
	assert_true(world_exists(&r->dir, kept) && world_exists(&r->dir, "policy-3.img"));
	images_drop_bulk(r->dir.path, "");
	assert_false(world_exists(&r->dir, kept));
	assert_true(world_exists(&r->dir, "policy-3.img"));
}

/* What has an image's name and is none is passed over; one of the last possible generation is no reason to stop, either. */
static void test_directories_by_name(void **state)
{
	struct rig *r = *state;
	static const char *const names[] = {"policy-4294967295.img", "bulk-ffffffffffffffffffffffffffffffff.img"};
	char path[128];
	uint32_t newest = 9;
	struct err err = {0};
	world_write(&r->dir, "policy-5.img", "x");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", r->dir.path, names[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	assert_true(images_newest(r->dir.path, &newest, &err));
	assert_int_equal(newest, 5);
	images_keep_only(r->dir.path, 5, "");
	images_drop_bulk(r->dir.path, "");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_true(world_exists(&r->dir, names[i]));
		(void)snprintf(path, sizeof(path), "%s/%s", r->dir.path, names[i]);
		assert_int_equal(rmdir(path), 0);
	}
	assert_true(world_exists(&r->dir, "policy-5.img"));
	world_write(&r->dir, names[0], "x");
	assert_false(images_newest(r->dir.path, &newest, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
	    T(test_nothing_has_changed), T(test_two_tiers),	      T(test_edit_after),    T(test_list_changed),
	    T(test_bulk_list_changed),	 T(test_settings_changed),    T(test_list_gone),     T(test_damaged),
	    T(test_bulk_damaged),	 T(test_racy_identity),	      T(test_compiled_anew), T(test_lists_of_the_image),
	    T(test_bulk_files),		 T(test_directories_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
