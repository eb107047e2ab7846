/* SPDX-License-Identifier: BSD-2-Clause
 *
 * compile_require.h - block.require: what every entry that blocks must say of itself, or its file or saring.yaml for it. For the
 * compiler, and for those who would know before they write. */
#ifndef SARING_COMPILE_COMPILE_REQUIRE_H
#define SARING_COMPILE_COMPILE_REQUIRE_H

#include "base/err.h"
#include "compile/compile_rules.h"

/* Bits of require_words that entries of this class lack. None for those that allow, nor for those that were lifted by now_s: they
 * block nothing. */
uint32_t require_missing(const struct settings *settings, const struct rules_list *list, const struct segment_class *class,
			 int64_t now_s);
/* The error of an entry that lacks them. In a list of another format than YAML entries say nothing of themselves: it is one error
 * of the list, at its place in saring.yaml, however often it is called; *told is set then. */
void require_fault(const struct settings *settings, const struct rules_list *list, const struct segment_entry *entry,
		   uint32_t missing, bool *told, struct err_list *errors);

#endif
