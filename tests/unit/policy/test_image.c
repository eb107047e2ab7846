/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Images that are damaged, cut, of another version, or forged: refused with a reason; and what a forger gets through never leads
 * the matcher out of its bytes (the sanitizers look). */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "policy/image_read.h"
#include "compile/image_write.h"

static struct fixture f;
static uint8_t *work[POLICY_TIERS]; /* copies of the images, to damage */
static size_t lens[POLICY_TIERS];

/* A bit of everything that an image can hold, and small. */
static void fill(void)
{
	static const char yaml[] = "title: A title\nauthority: an office\nreason: a reason\ncode: censored\n"
				   "contact: ['mailto:a@example.net']\nadded: 2017-07-14\nentries:\n"
				   "  - t.me\n  - {domain: web.telegram.org, match: subdomains, expires: 2030-01-01}\n"
				   "  - {domain: telegram.org, match: exact, lifted: 2020-01-01}\n  - regex: '^ads?[0-9]*\\.'\n";
	static const char adblock[] = "||bad.example^\n@@||good.bad.example^\n||v6.example^$dnstype=AAAA\n"
				      "||lan.example^$client=192.0.2.0/24\n||wide.example^$denyallow=not.wide.example\n"
				      "||log-*.example^\n||*tracker*.org^\n/^x[0-9]+\\./\n||own.example^$dnsrewrite=192.0.2.1\n"
				      "||strong.example^$important\n";
	static const char rpz[] = "$TTL 60\n@ SOA localhost. root.localhost. 1 60 60 60 60\n  NS localhost.\n"
				  "24.0.2.0.192.rpz-client-ip CNAME .\n32.9.2.0.192.rpz-ip CNAME .\nlocal.example A 192.0.2.7\n"
				  "8.0.0.0.10.rpz-ip CNAME *.\n";
	static const struct fixture_list lists[] = {
	    {.name = "hand", .text = yaml},
	    {.name = "allow", .text = "entries: [fine.t.me]\n", .has_action = true, .action = ACTION_ALLOW},
	    {.name = "agh", .text = adblock, .format = FORMAT_ADBLOCK, .may_allow = true},
	    {.name = "zone", .text = rpz, .format = FORMAT_RPZ, .mandatory = true},
	    {.name = "ghost", .text = "0.0.0.0 shadow.example\n", .format = FORMAT_HOSTS, .mode = MODE_SHADOW},
	};
	fixture_policy(&f, lists, ARRAY_LEN(lists), NOW_S);
}

static int set_up(void **state)
{
	(void)state;
	fixture_init(&f);
	fill();
	for (size_t tier = 0; tier < POLICY_TIERS; tier++) {
		lens[tier] = f.images[tier].len;
		work[tier] = malloc(lens[tier]);
		assert_non_null(work[tier]);
		memcpy(work[tier], f.images[tier].ptr, lens[tier]);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(work[0]);
	free(work[1]);
	fixture_finish(&f);
	return 0;
}

static void restore(void)
{
	for (size_t tier = 0; tier < POLICY_TIERS; tier++)
		memcpy(work[tier], f.images[tier].ptr, f.images[tier].len);
}

/* Make hashes fit again, the bulk image's in the live one too. */
static void seal(void)
{
	image_seal(work[IMAGE_BULK], lens[IMAGE_BULK]);
	memcpy(work[IMAGE_LIVE] + IMAGE_H_BULK_HASH, work[IMAGE_BULK] + IMAGE_H_BODY_HASH, 16);
	image_seal(work[IMAGE_LIVE], lens[IMAGE_LIVE]);
}

static const char *const names[] = {".",
				    "me",
				    "x.t.me",
				    "fine.t.me",
				    "web.telegram.org",
				    "a.telegram.org",
				    "ads1.example",
				    "good.bad.example",
				    "v6.example",
				    "lan.example",
				    "not.wide.example",
				    "log-7.example",
				    "my-tracker-1.org",
				    "x12.net",
				    "own.example",
				    "local.example",
				    "shadow.example",
				    "strong.example",
				    "nothing.at.all"};

static void ask(const struct policy *p, const struct policy_question *q, int64_t now_s)
{
	struct verdict v;
	struct policy_answer answer;
	static struct policy_hit hits[4];
	static struct addr inside;
	bool told = policy_match(p, f.scratch, q, now_s, &v);
	if (told && v.kind == VERDICT_BLOCKED)
		policy_answer(p, &v, q->name, true, now_s, &answer);
	assert_true(addr_from_text(STR_LIT("192.0.2.9"), 0, &inside));
	if (policy_match_answer(p, &inside, q, now_s, &v) && v.kind == VERDICT_BLOCKED)
		policy_answer(p, &v, q->name, false, now_s, &answer);
	(void)policy_explain(p, f.scratch, q, now_s, hits, ARRAY_LEN(hits));
}

/* Everything that can be asked of an opened policy, so that the sanitizers see what verification let through. */
static void use(const struct policy *p)
{
	struct addr client;
	struct policy_info info;
	assert_true(addr_from_text(STR_LIT("192.0.2.9"), 0, &client));
	policy_info(p, NOW_S, &info);
	for (size_t i = 0; i < info.list_count; i++) {
		struct policy_list list;
		policy_list(p, (uint16_t)i, NOW_S, &list);
		assert_true(list.in_force_count <= list.entry_count);
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct name name = name_of(names[i]);
		ask(p, &(struct policy_question){.name = &name, .type = 1}, NOW_S);
		ask(p, &(struct policy_question){.name = &name, .type = 28, .client = &client}, INT64_MIN);
	}
}

/* Opens exact copies, so that each step beyond is seen. With use: asks. */
static bool opens(void)
{
	struct policy *p = NULL;
	struct err err = {.code = ERR_NONE};
	uint8_t *exact[POLICY_TIERS];
	for (size_t tier = 0; tier < POLICY_TIERS; tier++) {
		exact[tier] = malloc(lens[tier] == 0 ? 1 : lens[tier]);
		assert_non_null(exact[tier]);
		memcpy(exact[tier], work[tier], lens[tier]);
	}
	bool ok = policy_open_memory(exact[IMAGE_LIVE], lens[IMAGE_LIVE], exact[IMAGE_BULK], lens[IMAGE_BULK], &p, &err);
	if (ok)
		use(p);
	else
		assert_true(p == NULL && err.code != ERR_NONE && err.text[0] != '\0');
	policy_close(p);
	free(exact[0]);
	free(exact[1]);
	return ok;
}

/* The reason for which it is refused. */
static const char *why_not(void)
{
	static struct err err;
	struct policy *p = NULL;
	err = (struct err){.code = ERR_NONE};
	assert_false(policy_open_memory(work[IMAGE_LIVE], lens[IMAGE_LIVE], work[IMAGE_BULK], lens[IMAGE_BULK], &p, &err));
	return err.text;
}

static void undamaged_images_open(void **state)
{
	(void)state;
	uint64_t bugs = base_bugs();
	assert_true(opens());
	seal();
	assert_memory_equal(work[0], f.images[0].ptr, lens[0]);
	assert_memory_equal(work[1], f.images[1].ptr, lens[1]);
	assert_int_equal(base_bugs(), bugs);
	assert_string_equal(decision(&f, "x.t.me"), "block hand.yaml:8");
	assert_string_equal(decision(&f, "log-7.example"), "block agh.txt:6");
	assert_string_equal(decision_for(&f, "nothing.at.all", 1, "192.0.2.9"), "block zone.txt:4");
}

static void any_changed_byte_is_refused(void **state)
{
	(void)state;
	static const uint8_t flips[] = {0x01, 0x80, 0xff};
	for (size_t tier = 0; tier < POLICY_TIERS; tier++) {
		for (size_t i = 0; i < lens[tier]; i++) {
			for (size_t j = 0; j < ARRAY_LEN(flips); j++) {
				work[tier][i] ^= flips[j];
				assert_false(opens());
				work[tier][i] ^= flips[j];
			}
		}
	}
	assert_true(opens());
}

static void any_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t tier = 0; tier < POLICY_TIERS; tier++) {
		size_t whole = lens[tier];
		for (lens[tier] = 0; lens[tier] < whole; lens[tier]++)
			assert_false(opens());
		/* and where the length and the checksums were made to fit */
		for (lens[tier] = IMAGE_HEADER_SIZE; lens[tier] < whole; lens[tier]++) {
			le_put_u64(work[tier] + IMAGE_H_TOTAL_SIZE, lens[tier]);
			seal();
			assert_true(!opens() || whole - lens[tier] < IMAGE_ALIGN); /* nought but padding was cut */
		}
		lens[tier] = whole;
		restore();
	}
}

/* The checksums fit again: only the structure can tell. Whatever opens is used. */
static void sealed_damage_never_leads_astray(void **state)
{
	(void)state;
	static const uint8_t flips[] = {0x01, 0x08, 0x80, 0xff};
	size_t opened = 0, refused = 0;
	for (size_t tier = 0; tier < POLICY_TIERS; tier++) {
		for (size_t i = 0; i < lens[tier]; i++) {
			for (size_t j = 0; j < ARRAY_LEN(flips); j++) {
				work[tier][i] ^= flips[j];
				seal();
				bool ok = opens();
				opened += ok;
				refused += !ok;
				restore();
			}
		}
	}
	assert_true(opened > 100 && refused > 1000);
}

static void sealed_numbers_out_of_range(void **state)
{
	(void)state;
	static const uint32_t values[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
	for (size_t tier = 0; tier < POLICY_TIERS; tier++) {
		for (size_t i = 0; i + 4 <= lens[tier]; i += 4) {
			for (size_t j = 0; j < ARRAY_LEN(values); j++) {
				le_put_u32(work[tier] + i, values[j]);
				seal();
				(void)opens();
				restore();
			}
		}
	}
}

static void other_files_are_told_apart(void **state)
{
	(void)state;
	le_put_u16(work[IMAGE_LIVE] + IMAGE_H_VERSION, 1);
	seal();
	assert_string_equal(why_not(), "the image is of version 1, this program reads 6: it has to be compiled anew");
	restore();
	work[IMAGE_LIVE][0] = 'x';
	assert_string_equal(why_not(), "this is not a policy image");
	restore();
	work[IMAGE_LIVE][IMAGE_H_BYTE_ORDER] ^= 1;
	assert_string_equal(why_not(), "the image is of another byte order, or damaged");
	restore();
	work[IMAGE_BULK][lens[IMAGE_BULK] - IMAGE_ALIGN] ^= 1;
	assert_string_equal(why_not(), "the image is damaged: its checksum does not fit");
	restore();
	work[IMAGE_LIVE][IMAGE_H_TTL] ^= 1;
	assert_string_equal(why_not(), "the image's header is damaged: its checksum does not fit");
	restore();
	work[IMAGE_LIVE][IMAGE_H_BULK_HASH] ^= 1;
	image_seal(work[IMAGE_LIVE], lens[IMAGE_LIVE]);
	assert_string_equal(why_not(), "the bulk image is not the one that the live image names");
	restore();
	memset(work[IMAGE_LIVE] + IMAGE_H_BULK_HASH, 0, 16);
	image_seal(work[IMAGE_LIVE], lens[IMAGE_LIVE]);
	assert_string_equal(why_not(), "the bulk image is not the one that the live image names");
}

static void tiers_may_not_be_swapped(void **state)
{
	(void)state;
	struct policy *p = NULL;
	struct err err = {.code = ERR_NONE};
	assert_false(policy_open_memory(work[IMAGE_BULK], lens[IMAGE_BULK], NULL, 0, &p, &err));
	assert_string_equal(err.text, "the image is of the other tier");
	assert_false(policy_open_memory(work[IMAGE_LIVE], lens[IMAGE_LIVE], NULL, 0, &p, &err)); /* it names a bulk image */
	assert_false(policy_open_memory(work[IMAGE_LIVE], lens[IMAGE_LIVE], work[IMAGE_LIVE], lens[IMAGE_LIVE], &p, &err));
	assert_null(p);
}

/* --- files --- */

static char dir[] = "/tmp/saring-image-XXXXXX";

static const char *path_of(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];
	(void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void write_to(const char *name, const void *bytes, size_t len)
{
	struct err err;
	if (!file_replace(path_of(name), bytes, len, 0600, &err))
		fail_msg("%s", err.text);
}

static struct policy *open_file(const struct policy *previous)
{
	struct policy *p = NULL;
	struct err err = {.code = ERR_NONE};
	if (!policy_open(path_of("policy.img"), previous, &p, &err))
		print_message("%s\n", err.text);
	return p;
}

static void files_are_read_and_the_bulk_shared(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	write_to("policy.img", work[IMAGE_LIVE], lens[IMAGE_LIVE]);
	assert_null(open_file(NULL)); /* the bulk image is not there */
	char bulk[64] = "bulk-";
	for (size_t i = 0; i < 16; i++)
		(void)snprintf(bulk + strlen(bulk), 3, "%02x", work[IMAGE_BULK][IMAGE_H_BODY_HASH + i]);
	strcat(bulk, ".img");
	write_to(bulk, work[IMAGE_BULK], lens[IMAGE_BULK]);
	struct policy *first = open_file(NULL);
	assert_non_null(first);
	assert_string_equal(policy_bulk_file(first), bulk);
	use(first);
	assert_int_equal(unlink(path_of(bulk)), 0);
	struct policy *second = open_file(first); /* needs no file: it is there already */
	assert_non_null(second);
	assert_ptr_equal(second->bulk, first->bulk);
	policy_close(first);
	use(second);
	/* another bulk image: read anew, the old one goes with its policy */
	work[IMAGE_BULK][lens[IMAGE_BULK] - 1] ^= 1;
	write_to(bulk, work[IMAGE_BULK], lens[IMAGE_BULK]);
	assert_null(open_file(NULL)); /* damaged */
	struct policy *third = open_file(second);
	assert_non_null(third);
	policy_close(second);
	policy_close(third);
	assert_int_equal(truncate(path_of("policy.img"), 100), 0);
	assert_null(open_file(NULL));
	assert_int_equal(unlink(path_of("policy.img")), 0);
	assert_null(open_file(NULL));
	assert_int_equal(mkdir(path_of("policy.img"), 0700), 0);
	assert_null(open_file(NULL)); /* a directory */
	assert_int_equal(rmdir(path_of("policy.img")), 0);
	assert_int_equal(unlink(path_of(bulk)), 0);
	assert_int_equal(rmdir(dir), 0);
	policy_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(undamaged_images_open),       TEST(any_changed_byte_is_refused),
	    TEST(any_truncation_is_refused),   TEST(sealed_damage_never_leads_astray),
	    TEST(sealed_numbers_out_of_range), TEST(other_files_are_told_apart),
	    TEST(tiers_may_not_be_swapped),    TEST(files_are_read_and_the_bulk_shared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
