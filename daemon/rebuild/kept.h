/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kept.h - is a policy that an earlier run compiled still what a compile would give now? Then saringd serves by it at once, and
 * reads no list. It looks at saring.yaml's bytes and at what stat says of each list (settings/identity.h), never into a list. Not:
 * whether the image is sound (policy_open has seen to that). Main thread. */
#ifndef SARING_KEPT_H
#define SARING_KEPT_H

#include "base/base.h"
#include "base/err.h"
#include "policy/match.h"
#include "settings/settings.h"

/* config: the bytes that settings were parsed from. False when it is not, or when that can't be told: why says what has changed. */
MUST_CHECK bool kept_is_current(const struct policy *policy, const struct settings *settings, struct str config, struct err *why);

#endif
