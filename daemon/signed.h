/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signed.h - what saring-compile remembers of signed lists (settings/signed.h), for those who ask and for the log. Verified it is
 * there: no list, no signature is read in this process. Reads small files of our own. Main thread. */
#ifndef SARING_SIGNED_H
#define SARING_SIGNED_H

#include "base/base.h"
#include "settings/settings.h"

#include <jansson.h>

/* Put "signed" into those objects of an array that have the "name" of a list with a key:
 * {"key_id", "serial", "accepted_at", "refused_since", "refused"}; what is not known is null. For a list with a url also what was
 * refused before it was taken: after fetch_annotate. The others get null. */
void signed_annotate(const struct settings *settings, json_t *lists);
/* The same for one entry, an object with the name of its "list": {"key_id", "serial"}, once something was
 * accepted. Does nothing to what is no object. */
void signed_annotate_rule(const struct settings *settings, json_t *rule);
/* Is what lies there refused, and something older in force, or nothing? */
bool signed_is_refused(const struct settings *settings, const struct settings_list *list);
size_t signed_refused_count(const struct settings *settings);
/* A warning for each list that is refused. After each rebuild. */
void signed_log(const struct settings *settings);

#endif
