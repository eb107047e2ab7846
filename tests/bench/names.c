/* SPDX-License-Identifier: BSD-2-Clause
 *
 * names - as many different domain names as wanted, one a line, that look like those of block lists; always the same ones.
 *
 * names COUNT [SKIP] [FILE]
 *
 * FILE holds real names, one a line: they come first, then mixtures of their labels and endings. Without it the names to mix are
 * made of syllables. SKIP: leave out so many at the start (of names that no list holds, say). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE_MADE 200000
#define NAME_MAX_LEN 200

static uint64_t state = 0x5a17ull;
static uint64_t draw(void)
{
	state += 0x9e3779b97f4a7c15ull;
	uint64_t z = state;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}
static unsigned below(unsigned n)
{
	return (unsigned)((draw() >> 32) * n >> 32);
}

/* ---- which were given already ---- */

static uint64_t *seen;
static size_t seen_size;

static int is_new(const char *name)
{
	uint64_t h = 1469598103934665603ull;
	for (const char *p = name; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211ull;
	h ^= h >> 29;
	h |= 1;
	size_t i = h * 0x9e3779b97f4a7c15ull >> 20 & (seen_size - 1);
	for (; seen[i]; i = (i + 1) & (seen_size - 1))
		if (seen[i] == h)
			return 0;
	seen[i] = h;
	return 1;
}

/* ---- the names to mix ---- */

static char **base;
static size_t base_count, base_cap;

static void base_add(const char *name)
{
	if (base_count == base_cap) {
		base_cap = base_cap ? 2 * base_cap : 65536;
		base = realloc(base, base_cap * sizeof(*base));
		if (!base)
			abort();
	}
	base[base_count++] = strdup(name);
}

static void base_read(const char *path)
{
	char line[1024];
	FILE *f = fopen(path, "r");
	if (!f) {
		perror(path);
		exit(1);
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\r\n")] = '\0';
		size_t len = strlen(line);
		if (len > 3 && len < NAME_MAX_LEN && strchr(line, '.') && line[0] != '.' && !strchr(line, ' '))
			base_add(line);
	}
	fclose(f);
}

static void put_word(char *out)
{
	static const char *const syllables[] = {"ad",  "track", "pix",	 "me",	"tri",	"cs",  "cdn", "sta", "ti",
						"pro", "mo",	"click", "ban", "ner",	"be",  "a",   "con", "ta",
						"syn", "go",	"lo",	 "vi",	"shop", "bet", "win", "slo", "ts",
						"ga",  "me",	"ru",	 "ne",	"xo",	"ka",  "da",  "mi",  "play"};
	unsigned n = 2 + below(3);
	while (n--)
		strcat(out, syllables[below(sizeof(syllables) / sizeof(*syllables))]);
	if (below(4) == 0)
		sprintf(out + strlen(out), "%s%u", below(2) ? "-" : "", below(1000));
}

static void base_make(void)
{
	static const char *const ends[] = {"com", "com",   "com", "com", "net", "org",	 "info", "xyz",
					   "top", "co.id", "ru",  "de",	 "io",	"click", "co.uk"};
	static const char *const hosts[] = {"www.", "ads.", "img.", "api.", "m.", "static.", "track.", "stats."};
	for (int i = 0; i < BASE_MADE; i++) {
		char name[NAME_MAX_LEN] = "";
		if (below(3) == 0)
			strcat(name, hosts[below(8)]);
		put_word(name);
		strcat(name, ".");
		strcat(name, ends[below(sizeof(ends) / sizeof(*ends))]);
		base_add(name);
	}
}

/* The first label of one, now and then with another number, before the rest of a second; a third lends a host. */
static void mix(char *out)
{
	const char *a = base[below((unsigned)base_count)], *b = base[below((unsigned)base_count)];
	const char *c = base[below((unsigned)base_count)];
	size_t first = strcspn(a, ".");
	const char *rest = strchr(b, '.');
	unsigned kind = below(16);
	*out = '\0';
	if (kind < 2 && strcspn(c, ".") < 24)
		sprintf(out, "%.*s.", (int)strcspn(c, "."), c);
	if (first > 60)
		first = 60;
	strncat(out, a, first);
	if (kind == 3 || kind == 4) {
		while (*out && out[strlen(out) - 1] >= '0' && out[strlen(out) - 1] <= '9')
			out[strlen(out) - 1] = '\0';
		if (!*out || out[strlen(out) - 1] == '.')
			strcat(out, "x");
		sprintf(out + strlen(out), "%u", below(1000));
	} else if (kind == 5) {
		size_t second = strcspn(b, ".");
		if (second < 30)
			sprintf(out + strlen(out), "-%.*s", (int)second, b);
	}
	strcat(out, rest ? rest : ".com");
}

int main(int argc, char **argv)
{
	if (argc < 2 || argc > 4) {
		fprintf(stderr, "usage: names COUNT [SKIP] [FILE]\n");
		return 2;
	}
	size_t count = strtoull(argv[1], NULL, 10), skip = argc > 2 ? strtoull(argv[2], NULL, 10) : 0, given = 0;
	int real = argc > 3;
	if (real)
		base_read(argv[3]);
	else
		base_make();
	if (base_count < 2) {
		fprintf(stderr, "names: nothing to mix\n");
		return 1;
	}
	for (seen_size = 1024; seen_size < 2 * (count + skip + base_count); seen_size *= 2)
		;
	seen = calloc(seen_size, sizeof(*seen));
	if (!seen)
		abort();
	static char out[1 << 20];
	setvbuf(stdout, out, _IOFBF, sizeof(out));
	for (size_t i = 0; real && i < base_count && given < count + skip; i++)
		if (is_new(base[i]) && given++ >= skip)
			puts(base[i]);
	while (given < count + skip) {
		char name[2 * NAME_MAX_LEN];
		mix(name);
		if (strlen(name) < NAME_MAX_LEN && is_new(name) && given++ >= skip)
			puts(name);
	}
	return 0;
}
