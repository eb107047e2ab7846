/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "compile/image_write.h"

static const char hosts[] = "0.0.0.0 a.example\n0.0.0.0 b.example\n0.0.0.0 a.example\n0.0.0.0 c.b.example\n";
static struct fixture f;

struct disk {
	char dir[64], image[96], yaml[96], hosts[96];
};

static void put_file(const char *path, const void *bytes, size_t len)
{
	FILE *out = fopen(path, "we");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

/* As if it had been written long ago. */
static void put_old(const char *path, const char *text)
{
	const struct timespec times[2] = {{NOW_S, 0}, {NOW_S, 0}};
	put_file(path, text, strlen(text));
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* Once the file is old enough to be told from one written after it. */
static void identify(const char *path, struct source_identity *ret)
{
	do
		assert_true(source_identify(path, ret));
	while (!source_same(ret, ret));
}

static void disk_init(struct disk *d)
{
	const char *tmp = getenv("TMPDIR");
	(void)snprintf(d->dir, sizeof(d->dir), "%.40s/saring-compile-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(d->dir));
	(void)snprintf(d->image, sizeof(d->image), "%s/image", d->dir);
	(void)snprintf(d->yaml, sizeof(d->yaml), "%s/y.yaml", d->dir);
	(void)snprintf(d->hosts, sizeof(d->hosts), "%s/h.txt", d->dir);
	fixture_add(&f, &(struct fixture_list){.name = "y", .text = "entries: [x.example]\n"});
	fixture_add(&f, &(struct fixture_list){.name = "h", .text = hosts, .format = FORMAT_HOSTS});
	f.settings_lists[0].file = d->yaml;
	f.settings_lists[1].file = d->hosts;
	put_old(d->yaml, "entries: [x.example]\n");
	put_old(d->hosts, hosts);
	identify(d->yaml, &f.sources[0].identity);
	identify(d->hosts, &f.sources[1].identity);
	fixture_compile(&f);
}

static void disk_finish(struct disk *d)
{
	(void)unlink(d->image);
	(void)unlink(d->yaml);
	(void)unlink(d->hosts);
	assert_int_equal(rmdir(d->dir), 0);
}

static bool is_current(struct disk *d, enum image_tier tier)
{
	put_file(d->image, f.images[tier].ptr, f.images[tier].len);
	return compile_is_current(d->image, &f.settings, tier, NULL);
}

static void what_did_not_change_is_current(void **state)
{
	(void)state;
	struct disk d;
	struct compile_known known[2];
	disk_init(&d);
	assert_true(is_current(&d, IMAGE_LIVE));
	assert_true(is_current(&d, IMAGE_BULK));
	assert_true(compile_is_current(d.image, &f.settings, IMAGE_BULK, known));
	assert_false(known[0].known); /* of the other tier */
	assert_true(known[1].known);
	assert_memory_equal(known[1].key, f.sources[1].content_key, 16);
	/* written anew with the same text: read, and seen to be the same */
	assert_int_equal(unlink(d.hosts), 0);
	put_file(d.hosts, hosts, strlen(hosts));
	assert_true(is_current(&d, IMAGE_BULK));
	assert_true(compile_is_current(d.image, &f.settings, IMAGE_BULK, known));
	assert_false(known[1].known);
	/* a list of the other tier is no matter */
	put_old(d.yaml, "entries: [y.example]\n");
	assert_true(is_current(&d, IMAGE_BULK));
	disk_finish(&d);
}

static void what_changed_is_not_current(void **state)
{
	(void)state;
	struct disk d;
	disk_init(&d);
	put_old(d.hosts, "0.0.0.0 a.example\n");
	assert_false(is_current(&d, IMAGE_BULK));
	assert_int_equal(unlink(d.hosts), 0);
	assert_false(is_current(&d, IMAGE_BULK));
	put_old(d.hosts, hosts);
	assert_true(is_current(&d, IMAGE_BULK));
	f.settings_lists[1].provenance.reason = "advertising";
	assert_false(is_current(&d, IMAGE_BULK));
	f.settings_lists[1].provenance.reason = NULL;
	f.settings_lists[1].mandatory = true;
	assert_false(is_current(&d, IMAGE_BULK));
	f.settings_lists[1].mandatory = false;
	f.settings_lists[1].mode = MODE_OFF;
	assert_false(is_current(&d, IMAGE_BULK));
	f.settings_lists[1].mode = MODE_ENFORCE;
	f.settings.block_ttl_s = 11;
	assert_false(is_current(&d, IMAGE_BULK));
	f.settings.block_ttl_s = 10;
	struct settings_list swap = f.settings_lists[0];
	f.settings_lists[0] = f.settings_lists[1];
	f.settings_lists[1] = swap;
	assert_false(is_current(&d, IMAGE_BULK));
	disk_finish(&d);
}

static void what_is_no_image_is_not_current(void **state)
{
	(void)state;
	struct disk d;
	disk_init(&d);
	assert_false(compile_is_current("/nowhere/at/all", &f.settings, IMAGE_BULK, NULL));
	assert_false(compile_is_current(d.dir, &f.settings, IMAGE_BULK, NULL));
	assert_true(is_current(&d, IMAGE_BULK));
	assert_false(compile_is_current(d.image, &f.settings, IMAGE_LIVE, NULL));
	struct buf *image = &f.images[IMAGE_BULK];
	for (size_t at = 0; at < IMAGE_H_HEADER_CHECKSUM + 8; at++) {
		image->ptr[at] = (char)(image->ptr[at] ^ 0x10);
		assert_false(is_current(&d, IMAGE_BULK));
		image->ptr[at] = (char)(image->ptr[at] ^ 0x10);
	}
	const size_t len = image->len;
	for (image->len = 0; image->len < len; image->len += 61)
		assert_false(is_current(&d, IMAGE_BULK));
	image->len = len;
	/* sealed, but LISTS lie outside the file */
	uint8_t *lists = (uint8_t *)image->ptr + IMAGE_H_SECTIONS + 16 * IMAGE_LISTS;
	le_put_u64(lists, UINT64_MAX - 100);
	image_seal((uint8_t *)image->ptr, image->len);
	assert_false(is_current(&d, IMAGE_BULK));
	le_put_u64(lists, 512);
	le_put_u64(lists + 8, UINT64_MAX / 100);
	image_seal((uint8_t *)image->ptr, image->len);
	assert_false(is_current(&d, IMAGE_BULK));
	disk_finish(&d);
}

/* There is work to do, but what stat says of the other list still holds. */
static void what_is_known_of_an_old_image(void **state)
{
	(void)state;
	struct disk d;
	struct compile_known known[3];
	disk_init(&d);
	put_file(d.image, f.images[IMAGE_BULK].ptr, f.images[IMAGE_BULK].len);
	f.settings_lists[2] = (struct settings_list){.name = "new", .file = "/nowhere/new", .file_shown = "new"};
	f.settings_lists[2].format = FORMAT_DOMAINS;
	f.settings.list_count = 3;
	assert_false(compile_is_current(d.image, &f.settings, IMAGE_BULK, known));
	assert_true(known[1].known);
	assert_false(known[2].known);
	f.settings_lists[2].format = FORMAT_YAML; /* a live list is no matter to the bulk tier */
	assert_true(compile_is_current(d.image, &f.settings, IMAGE_BULK, known));
	f.settings_lists[1].may_allow = true; /* another segment, then */
	assert_false(compile_is_current(d.image, &f.settings, IMAGE_BULK, known));
	assert_false(known[1].known);
	f.settings.list_count = 2;
	disk_finish(&d);
}

static void a_list_that_was_never_fetched_may_stay_so(void **state)
{
	(void)state;
	struct disk d;
	disk_init(&d);
	assert_int_equal(unlink(d.hosts), 0);
	f.settings_lists[1].url = "https://lists.example/h.txt";
	f.sources[1].identity = (struct source_identity){0};
	f.sources[1].changed_at_s = 0;
	fixture_compile(&f);
	assert_true(is_current(&d, IMAGE_BULK));
	put_old(d.hosts, "0.0.0.0 other.example\n");
	assert_false(is_current(&d, IMAGE_BULK));
	disk_finish(&d);
}

/* By the kernel's clock: of just now, of a little ahead (another machine's clock), of before the clock was put back. */
static void what_changed_just_now(void **state)
{
	(void)state;
	const struct timespec now = {.tv_sec = NOW_S, .tv_nsec = 500};
	struct timespec then = now;
	assert_true(source_is_fresh(&then, &now));
	then.tv_sec = NOW_S + SOURCE_AHEAD_S - 1;
	assert_true(source_is_fresh(&then, &now));
	then.tv_sec = NOW_S + SOURCE_AHEAD_S + 1;
	assert_false(source_is_fresh(&then, &now));
	then.tv_sec = NOW_S - 1;
	assert_false(source_is_fresh(&then, &now));
}

#define TEST(name) FIXTURE_TEST(name, &f)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_did_not_change_is_current),  TEST(what_changed_is_not_current),
	    TEST(what_is_known_of_an_old_image),   TEST(a_list_that_was_never_fetched_may_stay_so),
	    TEST(what_is_no_image_is_not_current), TEST(what_changed_just_now),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
