/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/terms.h"

const char *const action_words[] = {"block", "allow", NULL};
const char *const match_words[] = {"exact", "subtree", "subdomains", "regex", "pattern", "address", "client", NULL};
const char *const match_settable_words[] = {"exact", "subtree", "subdomains", NULL};
const char *const mode_words[] = {"enforce", "shadow", "off", NULL};
const char *const code_words[] = {"blocked", "censored", "filtered", NULL};
const char *const sub_error_words[] = {"none", "malware", "phishing", "spam", "spyware", "network-policy", "dns-policy", NULL};
const char *const answer_words[] = {"nxdomain", "nodata", "null", "refused", "drop", "address", "truncate", "local", NULL};
const char *const answer_settable_words[] = {"nxdomain", "nodata", "null", "refused", "drop", "address", NULL};
const char *const format_words[] = {"auto", "yaml", "hosts", "domains", "wildcard", "adblock", "dnsmasq", "unbound", "rpz", NULL};

bool terms_sub_error_fits(enum sub_error sub_error, enum code code)
{
	switch (sub_error) {
	case SUB_ERROR_NONE:
		return true;
	case SUB_ERROR_MALWARE:
	case SUB_ERROR_PHISHING:
	case SUB_ERROR_SPAM:
	case SUB_ERROR_SPYWARE:
		return code != CODE_CENSORED;
	case SUB_ERROR_NETWORK_POLICY:
	case SUB_ERROR_DNS_POLICY:
		return code == CODE_BLOCKED;
	}
	return false;
}

int terms_find(const char *const *words, struct str word)
{
	for (int i = 0; words[i] != NULL; i++) {
		if (str_eq_c(word, words[i]))
			return i;
	}
	return -1;
}
