/* SPDX-License-Identifier: BSD-2-Clause
 *
 * standalone.c - a fuzz target without a fuzzer: replays every file of the directories (or files) named, then each file cut short
 * and with single octets changed, and, for a target that has a mutator of its own, as that changes it. The same every time, and
 * bounded: so `meson test` may run it. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)1024 * 1024)
#define CUTS_MAX ((size_t)512)	/* of one file; a longer one is cut at so many places, evenly */
#define FLIPS_MAX ((size_t)256) /* octets of one file that are changed, each in several ways */
#define MUTANTS 64		/* of one file, each made of the one before */
#define MUTANT_MAX ((size_t)4096)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
__attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static size_t runs;

/* Each run gets a block that ends with its input, so that a sanitizer sees the first octet read past it. */
static void run(const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);
	if (exact == NULL)
		abort();
	if (len > 0)
		memcpy(exact, bytes, len);
	(void)LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	runs++;
}

static void run_variants(uint8_t *bytes, size_t len)
{
	size_t step = len / CUTS_MAX + 1;
	for (size_t cut = 0; cut < len; cut += step)
		run(bytes, cut);
	step = len / FLIPS_MAX + 1;
	for (size_t i = 0; i < len; i += step) {
		const uint8_t kept = bytes[i];
		const uint8_t others[] = {
		    (uint8_t)(kept ^ 0x01), (uint8_t)(kept ^ 0x80), (uint8_t)(kept + 1), (uint8_t)(kept - 1), 0x00, 0xff};
		for (size_t n = 0; n < sizeof(others); n++) {
			bytes[i] = others[n];
			run(bytes, len);
		}
		bytes[i] = kept;
	}
}

/* What a target's mutator takes from libFuzzer there: one octet changed, put in or taken out. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max)
{
	static uint32_t dice = 1;
	dice = dice * 1664525u + 1013904223u;
	size_t at = size > 0 ? dice >> 8 & 0xffff : 0;
	at = size > 0 ? at % size : 0;
	if (size < max && (size == 0 || dice >> 30 == 0)) {
		memmove(data + at + 1, data + at, size - at);
		data[at] = (uint8_t)(dice >> 24);
		return size + 1;
	}
	if (size > 1 && dice >> 30 == 1) {
		memmove(data + at, data + at + 1, size - at - 1);
		return size - 1;
	}
	if (size > 0)
		data[at] = (uint8_t)(dice >> 24);
	return size;
}

static void run_mutants(const uint8_t *bytes, size_t len)
{
	static uint8_t mutant[MUTANT_MAX];
	if (LLVMFuzzerCustomMutator == NULL || len > MUTANT_MAX)
		return;
	if (len > 0)
		memcpy(mutant, bytes, len);
	for (unsigned seed = 1; seed <= MUTANTS; seed++) {
		len = LLVMFuzzerCustomMutator(mutant, len, MUTANT_MAX, seed);
		if (len > MUTANT_MAX)
			abort();
		run(mutant, len);
	}
}

static int run_file(const char *path)
{
	static uint8_t bytes[FILE_MAX];
	FILE *in = fopen(path, "rb");
	if (in == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	size_t len = fread(bytes, 1, sizeof(bytes), in);
	int failed = ferror(in) != 0;
	fclose(in);
	if (failed) {
		fprintf(stderr, "%s: can't be read\n", path);
		return 1;
	}
	run(bytes, len);
	run_variants(bytes, len);
	run_mutants(bytes, len);
	return 0;
}

static int run_directory(const char *path)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, NULL, alphasort);
	if (count < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	int failed = 0;
	for (int i = 0; i < count; i++) {
		char file[4096];
		if (entries[i]->d_name[0] != '.') {
			(void)snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
			failed |= run_file(file);
		}
		free(entries[i]);
	}
	free(entries);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;
	for (int i = 1; i < argc; i++) {
		struct stat st;
		size_t before = runs;
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			failed |= run_directory(argv[i]);
		else
			failed |= run_file(argv[i]);
		if (runs == before) {
			fprintf(stderr, "%s: nothing there to replay\n", argv[i]);
			failed = 1;
		}
	}
	printf("%zu inputs\n", runs);
	return failed != 0 || runs == 0;
}
