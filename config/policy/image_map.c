/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/image_find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define READ_BYTES ((size_t)256 * 1024) /* at a time, when a body is hashed */
#define LEN_MAX ((uint64_t)1 << 40)

void image_body_hash(const uint8_t *body, size_t len, uint8_t ret[16])
{
	XXH128_canonical_t canonical;
	XXH128_canonicalFromHash(&canonical, XXH3_128bits(body, len));
	memcpy(ret, canonical.digest, sizeof(canonical.digest));
}

uint64_t image_header_checksum(const uint8_t *header)
{
	return XXH3_64bits(header, IMAGE_H_HEADER_CHECKSUM);
}

/* Magic, order, version, checksum and size of the header, of which the first MIN(len, IMAGE_HEADER_SIZE) bytes are there. */
static bool header_check(const uint8_t *h, uint64_t len, struct err *err)
{
	if (len < IMAGE_MAGIC_LEN || memcmp(h, IMAGE_MAGIC, IMAGE_MAGIC_LEN) != 0)
		return err_set(err, ERR_INPUT, "this is not a policy image");
	if (len < IMAGE_H_TOTAL_SIZE)
		return err_set(err, ERR_INPUT, "the image is cut short: %llu bytes, less than its header", (unsigned long long)len);
	if (le_get_u32(h + IMAGE_H_BYTE_ORDER) != IMAGE_BYTE_ORDER)
		return err_set(err, ERR_INPUT, "the image is of another byte order, or damaged");
	unsigned version = le_get_u16(h + IMAGE_H_VERSION);
	if (version != IMAGE_VERSION)
		return err_set(err, ERR_INPUT, "the image is of version %u, this program reads %d: it has to be compiled anew",
			       version, IMAGE_VERSION);
	if (len < IMAGE_HEADER_SIZE)
		return err_set(err, ERR_INPUT, "the image is cut short: %llu bytes, less than its header", (unsigned long long)len);
	if (image_header_checksum(h) != le_get_u64(h + IMAGE_H_HEADER_CHECKSUM))
		return err_set(err, ERR_INPUT, "the image's header is damaged: its checksum does not fit");
	for (size_t i = IMAGE_H_HEADER_CHECKSUM + 8; i < IMAGE_HEADER_SIZE; i++) {
		if (h[i] != 0)
			return err_set(err, ERR_INPUT, "the image's header is damaged: its end is not empty");
	}
	if (le_get_u16(h + IMAGE_H_HEADER_SIZE) != IMAGE_HEADER_SIZE || h[IMAGE_H_ZERO] != 0 || h[IMAGE_H_TIER] > IMAGE_BULK)
		return err_set(err, ERR_INPUT, "the image's header is not sound");
	uint64_t total = le_get_u64(h + IMAGE_H_TOTAL_SIZE);
	if (total != len)
		return err_set(err, ERR_INPUT, "the image is %llu bytes long, but says %llu", (unsigned long long)len,
			       (unsigned long long)total);
	return true;
}

static bool body_check(const uint8_t hash[16], const uint8_t *h, struct err *err)
{
	if (memcmp(hash, h + IMAGE_H_BODY_HASH, 16) != 0)
		return err_set(err, ERR_INPUT, "the image is damaged: its checksum does not fit");
	return true;
}

/* Each section at the next multiple of IMAGE_ALIGN after the one before, the last one up to the end. */
static bool sections_set(struct image *im, const uint8_t *h, size_t len, struct err *err)
{
	size_t pos = IMAGE_HEADER_SIZE;
	for (size_t i = 0; i < IMAGE_SECTION_COUNT; i++) {
		const uint8_t *place = h + IMAGE_H_SECTIONS + 16 * i;
		uint64_t offset = le_get_u64(place), count = le_get_u64(place + 8);
		size_t size = image_record_sizes[i];
		pos = (pos + IMAGE_ALIGN - 1) / IMAGE_ALIGN * IMAGE_ALIGN;
		if (pos > len || offset != pos || count > (len - pos) / size)
			return err_set(err, ERR_INPUT, "the image's section %zu lies outside of it", i);
		im->sections[i] = (struct image_section){.base = h + pos, .count = (size_t)count};
		pos += (size_t)count * size;
	}
	size_t padded = (pos + IMAGE_ALIGN - 1) / IMAGE_ALIGN * IMAGE_ALIGN;
	if (len != pos && len != padded)
		return err_set(err, ERR_INPUT, "the image holds %zu bytes that belong to no section", len - pos);
	return true;
}

/* Consecutive records with equal prefix lengths, of ADDRESSES[first .. end). Returns how many runs; ret may be NULL. */
static size_t runs_find(const struct image *im, size_t first, size_t end, struct image_run *ret)
{
	size_t count = 0;
	for (size_t i = first; i < end; count++) {
		struct image_run run = {.bits = image_at(im, IMAGE_ADDRESSES, i)[IMAGE_ADDRESS_BITS], .first = (uint32_t)i};
		while (i < end && image_at(im, IMAGE_ADDRESSES, i)[IMAGE_ADDRESS_BITS] == run.bits)
			i++;
		run.end = (uint32_t)i;
		if (ret != NULL)
			ret[count] = run;
	}
	return count;
}

static void runs_make(struct image *im)
{
	size_t all = im->sections[IMAGE_ADDRESSES].count;
	im->answer_runs = runs_find(im, 0, im->answer_count, NULL);
	im->client_runs = runs_find(im, im->answer_count, all, NULL);
	im->runs = base_alloc((im->answer_runs + im->client_runs) * sizeof(struct image_run));
	(void)runs_find(im, 0, im->answer_count, im->runs);
	(void)runs_find(im, im->answer_count, all, im->runs + im->answer_runs);
}

static bool patterns_make(struct image *im, struct err *err)
{
	size_t count = im->sections[IMAGE_PATTERNS].count;
	im->patterns = base_alloc(count * sizeof(struct pattern *));
	im->needs = base_alloc(im->general_count * sizeof(uint16_t));
	for (size_t i = 0; i < count; i++) {
		const uint8_t *r = image_at(im, IMAGE_PATTERNS, i);
		uint32_t flags = le_get_u32(r + IMAGE_PATTERN_FLAGS), need = le_get_u32(r + IMAGE_PATTERN_NEED);
		if (i < im->general_count)
			im->needs[i] = need == 0 ? IMAGE_NEED_NONE : (uint16_t)image_need_bit(need);
		if ((flags & IMAGE_PATTERN_REGEX) == 0)
			continue;
		struct str text = image_string(im, le_get_u32(r + IMAGE_PATTERN_TEXT));
		if (!pattern_compile_as(text, (flags & IMAGE_PATTERN_CASELESS) != 0, &im->patterns[i], NULL, err))
			return err_context(err, "the image's regular expression %zu", i);
	}
	return true;
}

static void header_take(struct image *im, const uint8_t *h)
{
	im->labels_at[0] = le_get_u64(h + IMAGE_H_LABELS_AT);
	im->labels_at[1] = le_get_u64(h + IMAGE_H_LABELS_AT + 8);
	im->labels_below[0] = le_get_u64(h + IMAGE_H_LABELS_BELOW);
	im->labels_below[1] = le_get_u64(h + IMAGE_H_LABELS_BELOW + 8);
	im->labels_above[0] = le_get_u64(h + IMAGE_H_LABELS_ABOVE);
	im->labels_above[1] = le_get_u64(h + IMAGE_H_LABELS_ABOVE + 8);
	im->bits = h[IMAGE_H_BITS];
	im->seed = le_get_u32(h + IMAGE_H_SEED);
	im->general_count = le_get_u32(h + IMAGE_H_GENERAL_COUNT);
	im->answer_count = le_get_u32(h + IMAGE_H_ANSWER_COUNT);
	im->name_count = le_get_u32(h + IMAGE_H_NAME_COUNT);
	im->entry_count = le_get_u32(h + IMAGE_H_ENTRY_COUNT);
	im->ttl_s = le_get_u32(h + IMAGE_H_TTL);
	im->generation = le_get_u32(h + IMAGE_H_GENERATION);
	im->compiled_at_s = le_get_i64(h + IMAGE_H_COMPILED_AT);
	im->ranks = h[IMAGE_H_RANKS];
	im->best_rank = im->ranks == 0 ? RANK_COUNT : (unsigned)__builtin_ctz(im->ranks);
	im->tier = (enum image_tier)h[IMAGE_H_TIER];
	memcpy(im->body_hash, h + IMAGE_H_BODY_HASH, sizeof(im->body_hash));
	memcpy(im->settings_hash, h + IMAGE_H_SETTINGS_HASH, sizeof(im->settings_hash));
	memcpy(im->bulk_hash, h + IMAGE_H_BULK_HASH, sizeof(im->bulk_hash));
	memcpy(im->lifts_hash, h + IMAGE_H_LIFTS_HASH, sizeof(im->lifts_hash));
}

/* The sets that most names have, as far as nothing need be asked about them. */
static void plain_make(struct image *im)
{
	const size_t count = MIN(im->sections[IMAGE_SET_DIR].count - 1, (size_t)IMAGE_PLAIN_SETS);
	for (size_t i = 0; i < IMAGE_PLAIN_SETS; i++)
		im->plain[i].match = IMAGE_MATCH_BELOW;
	for (uint32_t i = 0; i < count; i++) {
		struct image_set set;
		if (!image_set_take(im, i, &set) || set.count != 1)
			continue;
		const uint32_t rule = image_set_rule(&set, 0);
		const uint8_t *r = image_rule(im, rule);
		if (r[IMAGE_RULE_MATCH] > MATCH_SUBDOMAINS || le_get_i64(r + IMAGE_RULE_UNTIL) != IMAGE_FOREVER ||
		    le_get_u32(r + IMAGE_RULE_COND) != IMAGE_NONE || (r[IMAGE_RULE_RANK] & IMAGE_SHADOW) != 0)
			continue;
		im->plain[i] = (struct image_plain){
		    .rule = rule,
		    .list = le_get_u16(r + IMAGE_RULE_LIST),
		    .match = r[IMAGE_RULE_MATCH],
		    .rank = r[IMAGE_RULE_RANK],
		    .order = le_get_u16(r + IMAGE_RULE_ORDER),
		};
	}
}

/* h: an image whose checksums are good and whose sections are set; of FILTER, RECORDS and COLD nothing is read. */
static bool image_fill(struct image *im, const uint8_t *h, size_t len, enum image_tier tier, struct err *err)
{
	im->len = len;
	header_take(im, h);
	if (im->tier != tier)
		return err_set(err, ERR_INPUT, "the image is of the other tier");
	const struct image_section *codec = &im->sections[IMAGE_CODEC];
	if (codec->count != CODEC_LENGTHS_SIZE || !codec_init(codec->base, &im->codec))
		return err_set(err, ERR_INPUT, "the image is not sound: its code is not complete");
	if (!image_verify(im, err))
		return false;
	im->filter = im->sections[IMAGE_FILTER].base;
	im->filter_words = im->sections[IMAGE_FILTER].count;
	if (im->filter_words == 0) { /* no names: nothing is looked for */
		memset(im->labels_at, 0, sizeof(im->labels_at));
		memset(im->labels_below, 0, sizeof(im->labels_below));
		memset(im->labels_above, 0, sizeof(im->labels_above));
	}
	im->client_count = (uint32_t)(im->sections[IMAGE_ADDRESSES].count - im->answer_count);
	plain_make(im);
	runs_make(im);
	return patterns_make(im, err);
}

static void image_finish(struct image *im)
{
	for (size_t i = 0; im->patterns != NULL && i < im->sections[IMAGE_PATTERNS].count; i++)
		pattern_destroy(im->patterns[i]);
	free(im->patterns);
	free(im->needs);
	free(im->runs);
	if (im->map.addr != NULL)
		file_map_close(&im->map);
}

void image_shared_drop(struct image_shared *shared)
{
	if (shared == NULL || --shared->policies > 0)
		return;
	image_finish(&shared->image);
	free(shared);
}

struct image_shared *image_shared_from_memory(const void *bytes, size_t len, enum image_tier tier, struct err *err)
{
	uint8_t hash[16];
	if (!header_check(bytes, len, err))
		return NULL;
	image_body_hash((const uint8_t *)bytes + IMAGE_HEADER_SIZE, len - IMAGE_HEADER_SIZE, hash);
	if (!body_check(hash, bytes, err))
		return NULL;
	struct image_shared *shared = base_alloc(sizeof(*shared));
	shared->policies = 1;
	if (!sections_set(&shared->image, bytes, len, err) || !image_fill(&shared->image, bytes, len, tier, err)) {
		image_shared_drop(shared);
		return NULL;
	}
	return shared;
}

/* --- files --- */

/* As much as there is, up to len; -1: err is set. */
static ssize_t read_some(int fd, void *to, size_t len, struct err *err)
{
	ssize_t n;
	do
		n = read(fd, to, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		(void)err_set_errno(err, ERR_IO, "it can't be read");
	return n;
}

/* A file as it is checked: read whole, piece by piece, through no mapping, or every page of it would count as the daemon's own from
 * the start. What image_fill looks at is kept for it in `copy`, memory of the image's length that is there only where it is
 * written. */
struct checking {
	struct image *im;
	uint8_t *copy, *piece;
	uint64_t len;
	int64_t written_at_s;
};

/* Behind these nobody looks before a query does. */
static bool is_kept(size_t section)
{
	return section != IMAGE_FILTER && section != IMAGE_RECORDS && section != IMAGE_COLD;
}

static void piece_keep(const struct checking *c, uint64_t pos, size_t len)
{
	for (size_t i = 0; i < IMAGE_SECTION_COUNT; i++) {
		const struct image_section *s = &c->im->sections[i];
		uint64_t from = (uint64_t)(s->base - c->copy), end = from + s->count * image_record_sizes[i];
		from = MAX(from, pos);
		end = MIN(end, pos + len);
		if (is_kept(i) && from < end)
			memcpy(c->copy + from, c->piece + (from - pos), (size_t)(end - from));
	}
}

static bool body_read(const struct checking *c, int fd, uint8_t ret[16], struct err *err)
{
	XXH3_state_t state;
	XXH128_canonical_t canonical;
	(void)XXH3_128bits_reset(&state);
	for (uint64_t pos = IMAGE_HEADER_SIZE; pos < c->len;) {
		ssize_t n = read_some(fd, c->piece, (size_t)MIN(c->len - pos, READ_BYTES), err);
		if (n < 0)
			return false;
		if (n == 0)
			return err_set(err, ERR_INPUT, "it became shorter while it was read");
		(void)XXH3_128bits_update(&state, c->piece, (size_t)n);
		piece_keep(c, pos, (size_t)n);
		pos += (uint64_t)n;
	}
	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
	memcpy(ret, canonical.digest, sizeof(canonical.digest));
	return true;
}

/* The header, how long the file is, and when it was written. */
static bool header_read(struct checking *c, int fd, uint8_t ret[IMAGE_HEADER_SIZE], struct err *err)
{
	struct stat st;
	size_t have = 0;
	if (fstat(fd, &st) != 0)
		return err_set_errno(err, ERR_IO, "it can't be looked at");
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size > LEN_MAX)
		return err_set(err, ERR_INPUT, "this is not a policy image");
	while (have < IMAGE_HEADER_SIZE) {
		ssize_t n = read_some(fd, ret + have, IMAGE_HEADER_SIZE - have, err);
		if (n < 0)
			return false;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	c->len = have < IMAGE_HEADER_SIZE ? have : (uint64_t)st.st_size;
	c->written_at_s = st.st_mtim.tv_sec;
	return header_check(ret, c->len, err);
}

static bool copy_check(const struct checking *c, int fd, enum image_tier tier, struct err *err)
{
	uint8_t hash[16];
	return sections_set(c->im, c->copy, (size_t)c->len, err) && body_read(c, fd, hash, err) && body_check(hash, c->copy, err) &&
	       image_fill(c->im, c->copy, (size_t)c->len, tier, err);
}

/* From the copy to the mapping, which holds the same bytes. */
static bool file_map_in(const struct checking *c, int fd, struct err *err)
{
	uint8_t *addr = mmap(NULL, (size_t)c->len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (addr == MAP_FAILED)
		return err_set_errno(err, ERR_IO, "it can't be mapped");
	c->im->map = (struct file_map){.addr = addr, .len = (size_t)c->len};
	for (size_t i = 0; i < IMAGE_SECTION_COUNT; i++)
		c->im->sections[i].base = addr + (c->im->sections[i].base - c->copy);
	c->im->filter = c->im->sections[IMAGE_FILTER].base;
	if (c->im->compiled_at_s == 0)
		c->im->compiled_at_s = c->written_at_s;
	return true;
}

static bool file_open(int fd, enum image_tier tier, struct image *im, struct err *err)
{
	uint8_t header[IMAGE_HEADER_SIZE];
	struct checking c = {.im = im};
	if (!header_read(&c, fd, header, err))
		return false;
	c.copy = mmap(NULL, (size_t)c.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c.copy == MAP_FAILED)
		return err_set_errno(err, ERR_MEMORY, "no memory to check it in");
	memcpy(c.copy, header, sizeof(header));
	c.piece = malloc(READ_BYTES);
	must(c.piece != NULL);
	bool good = copy_check(&c, fd, tier, err);
	free(c.piece);
	good = good && file_map_in(&c, fd, err);
	(void)munmap(c.copy, (size_t)c.len);
	return good;
}

struct image_shared *image_shared_from_file(const char *path, enum image_tier tier, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		(void)err_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "policy image '%s'", path);
		return NULL;
	}
	struct image_shared *shared = base_alloc(sizeof(*shared));
	shared->policies = 1;
	if (!file_open(fd, tier, &shared->image, err)) {
		(void)err_context(err, "policy image '%s'", path);
		image_shared_drop(shared);
		shared = NULL;
	}
	(void)close(fd);
	return shared;
}

void image_shared_cool(const struct image_shared *shared)
{
	if (shared == NULL || shared->policies > 1 || shared->image.map.addr == NULL)
		return;
	/* Of a private mapping that nobody writes to nothing is lost: the pages are the file's. */
	(void)madvise((void *)(uintptr_t)shared->image.map.addr, shared->image.map.len, MADV_DONTNEED);
}
