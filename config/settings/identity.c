/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/identity.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define NS_IN_S INT64_C(1000000000)
#define NS_IN_MS INT64_C(1000000)

static int64_t ns_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * NS_IN_S + t->tv_nsec;
}

void source_config_hash(struct str bytes, uint8_t ret[16])
{
	XXH128_canonical_t hash;
	XXH128_canonicalFromHash(&hash, XXH3_128bits_withSeed(bytes.ptr, bytes.len, SOURCE_READERS_VERSION));
	memcpy(ret, hash.digest, sizeof(hash.digest));
}

void lifts_hash(struct str bytes, uint8_t ret[16])
{
	XXH128_canonical_t hash = {.digest = {0}};
	if (bytes.len > 0)
		XXH128_canonicalFromHash(&hash, XXH3_128bits(bytes.ptr, bytes.len));
	memcpy(ret, hash.digest, sizeof(hash.digest));
}

bool source_is_fresh(const struct timespec *changed, const struct timespec *now)
{
	const int64_t age_ns = ns_of(now) - ns_of(changed);
	return age_ns < SOURCE_RACY_MS * NS_IN_MS && age_ns > -SOURCE_AHEAD_S * NS_IN_S;
}

bool source_identify(const char *path, struct source_identity *ret)
{
	struct stat st;
	struct timespec now;
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	/* The clock of the kernel's times, not the one that tests own. Only ctime: nobody can set it, and every change of content
	 * does. */
	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (source_is_fresh(&st.st_ctim, &now))
		*ret = (struct source_identity){.device = 0};
	else
		*ret = (struct source_identity){.device = st.st_dev,
						.inode = st.st_ino,
						.size = (uint64_t)st.st_size,
						.mtime_ns = ns_of(&st.st_mtim),
						.ctime_ns = ns_of(&st.st_ctim)};
	return true;
}

static bool is_zero(const struct source_identity *i)
{
	return i->device == 0 && i->inode == 0 && i->size == 0 && i->mtime_ns == 0 && i->ctime_ns == 0;
}

/* The signature goes into the time that nobody can set: whoever changes one of the two files changes it. */
static void add_signature(const char *path, struct source_identity *identity)
{
	struct stat st;
	struct timespec now;
	int64_t all[6] = {identity->ctime_ns};
	bool there = stat(path, &st) == 0;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (there && source_is_fresh(&st.st_ctim, &now)) {
		*identity = (struct source_identity){.device = 0};
		return;
	}
	if (there) {
		all[1] = (int64_t)st.st_dev;
		all[2] = (int64_t)st.st_ino;
		all[3] = (int64_t)st.st_size;
		all[4] = ns_of(&st.st_mtim);
		all[5] = ns_of(&st.st_ctim);
	}
	identity->ctime_ns = (int64_t)XXH3_64bits(all, sizeof(all));
}

bool source_identify_list(const struct settings_list *list, struct source_identity *ret)
{
	if (!source_identify(list->file, ret))
		return false;
	if (list->key != NULL && !is_zero(ret))
		add_signature(list->signature, ret);
	return true;
}

bool source_same(const struct source_identity *a, const struct source_identity *b)
{
	return !is_zero(a) && a->device == b->device && a->inode == b->inode && a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns;
}
