/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bench_match.c - what a look-up costs: bench-match LIVE-IMAGE HITS MISSES. The files hold names, one a line. Opens the policy,
 * asks for every name in random order (fixed seed), in batches as the daemon's workers do and one by one, and prints key=value
 * lines: nanoseconds for each look-up, with each step of prefetching more (match.h), for hits with what is sent at last; and the
 * memory that the images took once all of them was touched, for each name in them.
 *
 * bench-match LIVE-IMAGE HITS MISSES KIND WAY: asks once for at most COUNTED_MAX names, all in count_here(), and prints how many.
 * KIND is hit or miss, WAY a word of way_words. So callgrind counts instructions (policy.py does it):
 *      valgrind --tool=callgrind --toggle-collect=count_here bench-match IMAGE HITS MISSES hit records */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/file.h"
#include "policy/match.h"

#define BATCH 64
#define FILE_MAX_BYTES ((size_t)2 * 1024 * 1024 * 1024)
#define ASK_MAX ((size_t)1000000) /* names asked for in one measurement */
#define ROUNDS 5
#define COUNTED_MAX ((size_t)20000)

/* Packed as labels, length and wire form, so that reading them costs the measurement little. */
struct names {
	struct buf bytes;
	size_t count;
};
struct cursor {
	const uint8_t *at;
};

static uint64_t random_state = 0x9e3779b97f4a7c15ull;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static double now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Of the process, and of it what is mapped from files. */
static void resident(size_t *ret_all, size_t *ret_files)
{
	FILE *in = fopen("/proc/self/status", "r");
	char line[256];
	*ret_all = *ret_files = 0;
	while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
		if (strncmp(line, "VmRSS:", 6) == 0)
			*ret_all = strtoull(line + 6, NULL, 10) * 1024;
		if (strncmp(line, "RssFile:", 8) == 0)
			*ret_files = strtoull(line + 8, NULL, 10) * 1024;
	}
	if (in != NULL)
		fclose(in);
}

static void names_read(const char *path, struct names *ret)
{
	struct buf text = {NULL, 0, 0};
	struct err err;
	struct str *lines = NULL;
	size_t count = 0, room = 0;
	if (!file_read(path, FILE_MAX_BYTES, &text, &err)) {
		fprintf(stderr, "%s: %s\n", path, err.text);
		exit(1);
	}
	for (struct str rest = buf_str(&text); rest.len > 0; count++) {
		if (count == room) {
			room = room * 2 + 1024;
			lines = base_realloc(lines, room * sizeof(*lines));
		}
		lines[count] = str_trim(str_cut(&rest, '\n'));
	}
	for (size_t i = count; i > 1; i--) {
		size_t other = random_next() % i;
		struct str swap = lines[i - 1];
		lines[i - 1] = lines[other];
		lines[other] = swap;
	}
	for (size_t i = 0; i < count; i++) {
		struct name name;
		if (lines[i].len == 0 || !name_from_text(lines[i], &name, &err))
			continue;
		buf_add(&ret->bytes, &name.labels, 1);
		buf_add(&ret->bytes, &name.len, 1);
		buf_add(&ret->bytes, name.wire, name.len);
		ret->count++;
	}
	free(lines);
	buf_finish(&text);
}

static void names_next(struct cursor *c, struct name *ret)
{
	ret->labels = c->at[0];
	ret->len = c->at[1];
	memcpy(ret->wire, c->at + 2, ret->len);
	c->at += 2u + ret->len;
}

/* Each way does what the ones before it do, and more; NONE: the names are unpacked only. ANSWER: what is sent is asked for, too. */
enum way { WAY_NONE, WAY_SINGLE, WAY_BATCH, WAY_FETCHED, WAY_RECORDS, WAY_ANSWER };
#define WAY_COUNT 6
static const char *const way_words[WAY_COUNT] = {"none", "single", "batch", "fetched", "records", "answer"};

static size_t ask_batch(const struct policy *policy, struct policy_scratch *scratch, const struct name *names, size_t count,
			enum way way)
{
	static struct policy_prepared prepared[BATCH];
	struct verdict verdict;
	struct policy_answer answer;
	size_t decided = 0;
	for (size_t i = 0; i < count; i++)
		policy_prepare(policy, &names[i], &prepared[i]);
	for (size_t i = 0; way >= WAY_FETCHED && i < count; i++)
		policy_fetch(policy, &names[i], &prepared[i]);
	for (size_t i = 0; way >= WAY_RECORDS && i < count; i++)
		policy_fetch_records(policy, &prepared[i]);
	for (size_t i = 0; i < count; i++) {
		struct policy_question question = {.name = &names[i], .type = 1};
		decided += policy_match_prepared(policy, scratch, &question, &prepared[i], 0, &verdict);
		if (way != WAY_ANSWER || verdict.kind != VERDICT_BLOCKED)
			continue;
		policy_answer(policy, &verdict, &names[i], true, 0, &answer);
		__asm__ volatile("" ::"r"(&answer) : "memory");
	}
	return decided;
}

static size_t ask_singly(const struct policy *policy, struct policy_scratch *scratch, const struct name *names, size_t count)
{
	struct verdict verdict;
	size_t decided = 0;
	for (size_t i = 0; i < count; i++) {
		struct policy_question question = {.name = &names[i], .type = 1};
		decided += policy_match(policy, scratch, &question, 0, &verdict);
	}
	return decided;
}

/* Names made up for misses may lie below some that are blocked. */
static void names_keep_undecided(const struct policy *policy, struct policy_scratch *scratch, struct names *names)
{
	struct names kept = {{NULL, 0, 0}, 0};
	struct cursor from = {(const uint8_t *)names->bytes.ptr};
	for (size_t i = 0; i < names->count; i++) {
		const uint8_t *at = from.at;
		struct name name;
		names_next(&from, &name);
		if (ask_singly(policy, scratch, &name, 1) != 0)
			continue;
		buf_add(&kept.bytes, at, (size_t)(from.at - at));
		kept.count++;
	}
	buf_finish(&names->bytes);
	*names = kept;
}

static size_t ask(const struct policy *policy, struct policy_scratch *scratch, const struct names *names, size_t count,
		  enum way way)
{
	static struct name batch[BATCH];
	struct cursor from = {(const uint8_t *)names->bytes.ptr};
	size_t decided = 0;
	while (count > 0) {
		size_t n = MIN(count, (size_t)BATCH);
		for (size_t i = 0; i < n; i++)
			names_next(&from, &batch[i]);
		__asm__ volatile("" ::: "memory");
		if (way == WAY_SINGLE)
			decided += ask_singly(policy, scratch, batch, n);
		else if (way != WAY_NONE)
			decided += ask_batch(policy, scratch, batch, n, way);
		count -= n;
	}
	return decided;
}

/* The best of some rounds, in time of the processor: what else runs on the machine counts little. */
static double best_ns(const struct policy *policy, struct policy_scratch *scratch, const struct names *names, size_t count,
		      enum way way)
{
	double best = 1e18;
	for (int round = 0; round < ROUNDS; round++) {
		double start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
		(void)ask(policy, scratch, names, count, way);
		best = MIN(best, (now_ns(CLOCK_PROCESS_CPUTIME_ID) - start) / (double)count);
	}
	return best;
}

static void measure(const char *what, const struct policy *policy, struct policy_scratch *scratch, const struct names *names)
{
	size_t count = MIN(names->count, ASK_MAX);
	if (count == 0)
		return;
	double unpack_ns = best_ns(policy, scratch, names, count, WAY_NONE);
	printf("%s_names=%zu\n%s_decided=%zu\n", what, count, what, ask(policy, scratch, names, count, WAY_BATCH));
	for (enum way way = WAY_SINGLE; way < WAY_COUNT; way++) {
		double ns = best_ns(policy, scratch, names, count, way) - unpack_ns;
		printf("%s_%s_ns=%.1f\n", what, way_words[way], ns);
	}
}

/* For callgrind, which counts while this is on the stack. */
size_t count_here(const struct policy *policy, struct policy_scratch *scratch, const struct names *names, size_t count,
		  enum way way);
__attribute__((noinline)) size_t count_here(const struct policy *policy, struct policy_scratch *scratch, const struct names *names,
					    size_t count, enum way way)
{
	size_t decided = ask(policy, scratch, names, count, way);
	__asm__ volatile("" ::: "memory"); /* the call is no jump */
	return decided;
}

static int count_once(const struct policy *policy, struct policy_scratch *scratch, const struct names *names, const char *word)
{
	size_t count = MIN(names->count, COUNTED_MAX);
	for (enum way way = WAY_NONE; way < WAY_COUNT; way++) {
		if (strcmp(word, way_words[way]) != 0)
			continue;
		size_t decided = count_here(policy, scratch, names, count, way);
		printf("counted=%zu\ndecided=%zu\n", count, decided);
		return 0;
	}
	fprintf(stderr, "%s is no way to ask\n", word);
	return 2;
}

/* Everything, for people. */
static void measure_all(const struct policy *policy, struct policy_scratch *scratch, const struct names *hits, struct names *misses,
			size_t all_before, size_t files_before)
{
	struct policy_info info;
	size_t all_after, files_after;
	policy_info(policy, 0, &info);
	printf("entries=%zu\nimage_bytes=%zu\n", info.entry_count, info.bytes);
	size_t found = ask(policy, scratch, hits, hits->count, WAY_BATCH);
	resident(&all_after, &files_after);
	printf("hits=%zu\nhits_decided=%zu\nresident_bytes=%zu\nresident_file_bytes=%zu\n", hits->count, found,
	       all_after - all_before, files_after - files_before);
	if (info.entry_count > 0)
		printf("bytes_a_name=%.2f\n", (double)(files_after - files_before) / (double)info.entry_count);
	measure("hit", policy, scratch, hits);
	names_keep_undecided(policy, scratch, misses);
	measure("miss", policy, scratch, misses);
}

int main(int argc, char **argv)
{
	struct names hits = {{NULL, 0, 0}, 0}, misses = {{NULL, 0, 0}, 0};
	struct policy *policy = NULL;
	struct err err;
	size_t all_before, files_before;
	int status = 0;
	if (argc != 4 && argc != 6) {
		fprintf(stderr, "usage: bench-match LIVE-IMAGE HITS MISSES [hit|miss none|single|batch|fetched|records|answer]\n");
		return 2;
	}
	names_read(argv[2], &hits);
	names_read(argv[3], &misses);
	resident(&all_before, &files_before);
	double start = now_ns(CLOCK_MONOTONIC);
	if (!policy_open(argv[1], NULL, &policy, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	double open_ns = now_ns(CLOCK_MONOTONIC) - start;
	struct policy_scratch *scratch = policy_scratch_create();
	if (argc == 4)
		printf("open_ms=%.2f\n", open_ns / 1e6);
	if (argc == 4) {
		measure_all(policy, scratch, &hits, &misses, all_before, files_before);
	} else {
		names_keep_undecided(policy, scratch, &misses);
		status = count_once(policy, scratch, strcmp(argv[4], "hit") == 0 ? &hits : &misses, argv[5]);
	}
	policy_scratch_destroy(scratch);
	policy_close(policy);
	buf_finish(&hits.bytes);
	buf_finish(&misses.bytes);
	return status;
}
