/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From a file to its segment: what is read, what is taken from the kept ones, and what can be said of a file's identity. */
#include "import/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static char dir[64];

static const char *in_dir(const char *name)
{
	static char paths[8][128];
	static unsigned turn;
	char *path = paths[turn++ % 8];
	(void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/saring-test-source-XXXXXX");
	return mkdtemp(dir) == NULL || mkdir(in_dir("kept"), 0700) != 0 ? -1 : 0;
}

static void empty(const char *path)
{
	DIR *d = opendir(path);
	for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		(void)unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

static int tear_down(void **state)
{
	(void)state;
	empty(in_dir("kept"));
	(void)rmdir(in_dir("kept"));
	empty(dir);
	return rmdir(dir);
}

struct world {
	struct settings settings;
	struct settings_list list;
	char file[128];
};

/* One list: `name` in the directory. */
static void world_init(struct world *w, const char *name, enum format format)
{
	*w = (struct world){.list = {.name = "l", .file_shown = name, .format = format, .line = 3, .column = 5}};
	(void)snprintf(w->file, sizeof(w->file), "%s", in_dir(name));
	w->list.file = w->file;
	w->settings.path = "etc/saring.yaml";
	w->settings.lists = &w->list;
	w->settings.list_count = 1;
}

static void open_good(const struct world *w, const char *kept, const uint8_t *known, struct source *ret)
{
	struct err_list errors = {0};
	source_open(&w->settings, 0, kept, known, ret, &errors);
	if (errors.count > 0)
		fail_msg("%s", errors.items[0].text);
	assert_non_null(ret->segment);
}

static void kept_and_taken_again(void **state)
{
	(void)state;
	struct world w, other;
	struct source first, second, third;
	struct stat st;
	uint8_t key[16];
	put("a.txt", "0.0.0.0 a.example\n");
	world_init(&w, "a.txt", FORMAT_HOSTS);
	open_good(&w, in_dir("kept"), NULL, &first);
	assert_false(first.kept);
	assert_int_equal(stat(w.file, &st), 0);
	assert_int_equal(first.changed_at_s, st.st_mtim.tv_sec);
	assert_int_equal(first.identity.inode, st.st_ino); /* an imported list is waited for until its times can be trusted */
	assert_int_equal(first.identity.size, st.st_size);
	open_good(&w, in_dir("kept"), NULL, &second);
	assert_true(second.kept);
	assert_memory_equal(second.content_key, first.content_key, 16);
	assert_true(source_same(&first.identity, &second.identity));
	/* with a known key the text is not looked at: this one is another text's */
	put("other.txt", "0.0.0.0 b.example c.example\n");
	world_init(&other, "other.txt", FORMAT_HOSTS);
	open_good(&other, in_dir("kept"), NULL, &third);
	memcpy(key, third.content_key, sizeof(key));
	source_close(&third);
	open_good(&w, in_dir("kept"), key, &third);
	assert_true(third.kept);
	assert_int_equal(segment_entry_count(third.segment), 2);
	assert_memory_equal(third.content_key, key, sizeof(key));
	assert_true(source_same(&first.identity, &third.identity));
	source_close(&first);
	source_close(&second);
	source_close(&third);
	source_close(&third);
}

static void a_known_key_for_other_settings(void **state)
{
	(void)state;
	struct world w;
	struct source first, second;
	put("b.txt", "||b.example^\n@@||c.example^\n");
	world_init(&w, "b.txt", FORMAT_ADBLOCK);
	open_good(&w, in_dir("kept"), NULL, &first);
	assert_int_equal(segment_entry_count(first.segment), 1);
	w.list.may_allow = true;
	open_good(&w, in_dir("kept"), first.content_key, &second);
	assert_false(second.kept);
	assert_int_equal(segment_entry_count(second.segment), 2);
	assert_memory_not_equal(second.content_key, first.content_key, 16);
	source_close(&first);
	source_close(&second);
}

static void a_damaged_segment_is_made_anew(void **state)
{
	(void)state;
	struct world w;
	struct source s;
	char path[256];
	put("c.txt", "c.example\n");
	world_init(&w, "c.txt", FORMAT_DOMAINS);
	open_good(&w, in_dir("kept"), NULL, &s);
	int len = snprintf(path, sizeof(path), "%s/", in_dir("kept"));
	for (size_t i = 0; i < 16; i++)
		len += snprintf(path + len, sizeof(path) - (size_t)len, "%02x", s.content_key[i]);
	(void)snprintf(path + len, sizeof(path) - (size_t)len, ".seg");
	source_close(&s);
	assert_int_equal(truncate(path, 100), 0);
	open_good(&w, in_dir("kept"), NULL, &s);
	assert_false(s.kept);
	assert_int_equal(segment_entry_count(s.segment), 1);
	source_close(&s);
	open_good(&w, in_dir("kept"), NULL, &s);
	assert_true(s.kept);
	source_close(&s);
	/* where nothing can be kept, that is no error */
	open_good(&w, "/nonexistent", NULL, &s);
	assert_false(s.kept);
	source_close(&s);
}

static void fail_open(const struct world *w, const char *file, uint32_t line, const char *piece)
{
	struct err_list errors = {0};
	struct source s;
	source_open(&w->settings, 0, NULL, NULL, &s, &errors);
	assert_null(s.segment);
	assert_int_equal(errors.count, 1);
	assert_string_equal(errors.items[0].file, file);
	assert_int_equal(errors.items[0].line, line);
	if (strstr(errors.items[0].text, piece) == NULL)
		fail_msg("%s", errors.items[0].text);
	err_list_finish(&errors);
	source_close(&s);
}

/* What cannot be read is said where saring.yaml names it, what is wrong in it where it stands. */
static void what_cannot_be_opened(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, "missing.txt", FORMAT_HOSTS);
	fail_open(&w, "etc/saring.yaml", 3, "list 'l': can't open");
	world_init(&w, "kept", FORMAT_HOSTS);
	fail_open(&w, "etc/saring.yaml", 3, "it is a directory");
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	world_init(&w, "fifo", FORMAT_HOSTS);
	fail_open(&w, "etc/saring.yaml", 3, "not a regular file");
	put("page.txt", "<html>\n");
	world_init(&w, "page.txt", FORMAT_HOSTS);
	fail_open(&w, "etc/page.txt", 1, "an HTML page");
	put("bad.yaml", "entries:\n  - a..b\n");
	world_init(&w, "bad.yaml", FORMAT_AUTO); /* YAML by its name, whatever stands in it */
	fail_open(&w, "etc/bad.yaml", 2, "a..b");
	put("big.yaml", "");
	assert_int_equal(truncate(in_dir("big.yaml"), 300 * 1024 * 1024), 0);
	world_init(&w, "big.yaml", FORMAT_YAML);
	fail_open(&w, "etc/saring.yaml", 3, "longer than");
}

static void before_the_first_fetch(void **state)
{
	(void)state;
	struct world w;
	struct source s;
	world_init(&w, "fetched", FORMAT_AUTO);
	w.list.url = w.list.file_shown = "https://lists.example/a.txt";
	open_good(&w, in_dir("kept"), NULL, &s);
	assert_true(s.missing);
	assert_int_equal(segment_entry_count(s.segment), 0);
	assert_int_equal(s.changed_at_s, 0);
	assert_false(source_same(&s.identity, &s.identity));
	source_close(&s);
	put("fetched", "0.0.0.0 a.example\n");
	open_good(&w, in_dir("kept"), NULL, &s);
	assert_false(s.missing);
	assert_int_equal(segment_format(s.segment), FORMAT_HOSTS);
	source_close(&s);
	put("fetched", "<html>");
	fail_open(&w, w.file, 1, "an HTML page"); /* the copy is what is to be looked at */
	source_open_empty(&w.settings, 0, &s);
	assert_true(s.missing);
	assert_int_equal(segment_entry_count(s.segment), 0);
	assert_int_equal(s.changed_at_s, 0);
	source_close(&s);
	put("fetched", "entries:\n  - a..b\n  - regex: '('\n");
	w.list.format = FORMAT_YAML;
	struct err_list errors = {0};
	source_open(&w.settings, 0, NULL, NULL, &s, &errors);
	assert_null(s.segment);
	assert_int_equal(errors.count, 2);
	assert_string_equal(errors.items[0].file, w.file);
	assert_string_equal(errors.items[1].file, w.file);
	err_list_finish(&errors);
	source_open_empty(&w.settings, 0, &s);
	assert_non_null(s.segment);
	source_close(&s);
}

static void off_is_not_opened(void **state)
{
	(void)state;
	struct world w;
	struct source s;
	struct err_list errors = {0};
	world_init(&w, "missing.txt", FORMAT_HOSTS);
	w.list.mode = MODE_OFF;
	source_open(&w.settings, 0, NULL, NULL, &s, &errors);
	assert_null(s.segment);
	assert_int_equal(errors.count, 0);
	source_check(&w.settings, 0, &s, &errors);
	assert_null(s.segment);
	assert_int_equal(errors.count, 1);
	err_list_finish(&errors);
}

static void formats_by_name(void **state)
{
	(void)state;
	struct world w;
	world_init(&w, "x.yml", FORMAT_AUTO);
	assert_int_equal(source_format(&w.list), FORMAT_YAML);
	world_init(&w, "x.yaml", FORMAT_HOSTS);
	assert_int_equal(source_format(&w.list), FORMAT_HOSTS);
	world_init(&w, "x.txt", FORMAT_AUTO);
	assert_int_equal(source_format(&w.list), FORMAT_AUTO);
	w.list.has_action = true;
	w.list.action = ACTION_ALLOW;
	assert_int_equal(source_settings(&w.list).action, ACTION_ALLOW);
}

/* --- identities --- */

static void identities(void **state)
{
	(void)state;
	struct source_identity a = {.inode = 1}, b, zero = {.device = 0};
	assert_false(source_identify(in_dir("missing.txt"), &a));
	assert_false(source_identify(dir, &a));
	assert_int_equal(a.inode, 1); /* untouched on failure */
	assert_false(source_same(&zero, &zero));
	assert_true(source_same(&a, &a));
	for (size_t i = 0; i < 5; i++) {
		b = a;
		uint64_t *fields[] = {&b.device, &b.inode, &b.size, (uint64_t *)&b.mtime_ns, (uint64_t *)&b.ctime_ns};
		(*fields[i])++;
		assert_false(source_same(&a, &b));
	}
}

/* A small YAML list that was written a moment ago is read, and its identity told only when it can be. */
static void racy(void **state)
{
	(void)state;
	struct world w;
	struct source s;
	put("racy.yaml", "entries: [a.example]\n");
	world_init(&w, "racy.yaml", FORMAT_YAML);
	open_good(&w, NULL, NULL, &s);
	struct stat st;
	assert_int_equal(stat(w.file, &st), 0);
	/* the machine may have been slow: both are right, a wrong identity is not */
	assert_true(s.identity.inode == 0 || s.identity.inode == st.st_ino);
	assert_int_equal(s.identity.inode == 0, s.identity.size == 0);
	source_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kept_and_taken_again),
	    cmocka_unit_test(a_known_key_for_other_settings),
	    cmocka_unit_test(a_damaged_segment_is_made_anew),
	    cmocka_unit_test(what_cannot_be_opened),
	    cmocka_unit_test(before_the_first_fetch),
	    cmocka_unit_test(off_is_not_opened),
	    cmocka_unit_test(formats_by_name),
	    cmocka_unit_test(identities),
	    cmocka_unit_test(racy),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
