/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/terms.h"

const char *const action_words[] = {"block", "allow", NULL};
const char *const match_words[] = {"exact", "subtree", "subdomains", "regex", "pattern", "address", "client", NULL};
const char *const match_settable_words[] = {"exact", "subtree", "subdomains", NULL};
const char *const mode_words[] = {"enforce", "shadow", "off", NULL};
const char *const code_words[] = {"blocked", "censored", "filtered", NULL};
const char *const answer_words[] = {"nxdomain", "nodata", "null", "refused", "drop", "address", "truncate", "local", NULL};
const char *const answer_settable_words[] = {"nxdomain", "nodata", "null", "refused", "drop", "address", NULL};
const char *const format_words[] = {"auto", "yaml", "hosts", "domains", "wildcard", "adblock", "dnsmasq", "unbound", "rpz", NULL};

int terms_find(const char *const *words, struct str word)
{
	for (int i = 0; words[i] != NULL; i++) {
		if (str_eq_c(word, words[i]))
			return i;
	}
	return -1;
}
