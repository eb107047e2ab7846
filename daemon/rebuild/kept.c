/* SPDX-License-Identifier: BSD-2-Clause */
#include "rebuild/kept.h"

#include "base/buf.h"
#include "base/file.h"
#include "settings/identity.h"

#include <assert.h>
#include <string.h>

static bool same_config(const struct policy_info *info, struct str config)
{
	uint8_t hash[16];
	static_assert(sizeof(hash) == sizeof(info->settings_hash), "settings_hash is a XXH3-128");
	source_config_hash(config, hash);
	return memcmp(hash, info->settings_hash, sizeof(hash)) == 0;
}

/* A list from a URL that was never fetched: it was not there then, and is not there now. A file that was there, but so new that
 * nothing is known of it, has a time. */
static bool still_missing(const struct settings_list *said, const struct policy_list *kept, const struct source_identity *identity)
{
	static const struct source_identity none;
	return said->url && kept->changed_at_s == 0 && kept->entry_count == 0 && memcmp(identity, &none, sizeof(none)) == 0;
}

static bool same_list(const struct settings_list *said, const struct policy_list *kept, struct err *why)
{
	struct source_identity now, then;
	static_assert(sizeof(then) == SOURCE_IDENTITY_SIZE && sizeof(kept->identity) == SOURCE_IDENTITY_SIZE, "as bytes");
	memcpy(&then, kept->identity, sizeof(then));
	if (!str_eq_c(kept->name, said->name))
		return err_set(why, ERR_INPUT, "the list '%s' is not in its place", said->name);
	if (!source_identify_list(said, &now))
		return still_missing(said, kept, &then) ? true
							: err_set(why, ERR_INPUT, "the list '%s' can't be looked at", said->name);
	if (source_same(&now, &then))
		return true;
	return err_set(why, ERR_INPUT, "the list '%s' has changed, or was changing when it was read", said->name);
}

/* What was lifted meanwhile, or taken back, waits in its file. */
static bool same_lifts(const struct policy_info *info, const char *state)
{
	struct buf path = {NULL, 0, 0}, text = {NULL, 0, 0};
	struct err err = {.code = ERR_NONE};
	uint8_t hash[16];
	buf_printf(&path, "%s/" LIFTS_FILE, state);
	bool known = file_read(path.ptr, LIFTS_BYTES_MAX, &text, &err) || err.code == ERR_NOT_FOUND;
	lifts_hash(buf_str(&text), hash);
	buf_finish(&path);
	buf_finish(&text);
	return known && memcmp(hash, info->lifts_hash, sizeof(hash)) == 0;
}

bool kept_is_current(const struct policy *policy, const struct settings *settings, struct str config, struct err *why)
{
	struct policy_info info;
	policy_info(policy, 0, &info);
	if (!same_config(&info, config))
		return err_set(why, ERR_INPUT, "saring.yaml has changed, or what is made of lists");
	if (!same_lifts(&info, settings->state))
		return err_set(why, ERR_INPUT, "what is lifted has changed");
	size_t at = 0;
	for (size_t i = 0; i < settings->list_count; i++) {
		const struct settings_list *said = &settings->lists[i];
		struct policy_list kept;
		if (said->mode == MODE_OFF)
			continue;
		if (at == info.list_count)
			return err_set(why, ERR_INPUT, "it lacks the list '%s'", said->name);
		policy_list(policy, (uint16_t)at++, 0, &kept);
		if (!same_list(said, &kept, why))
			return false;
	}
	return at == info.list_count ? true : err_set(why, ERR_INPUT, "it has a list that saring.yaml does not name");
}
