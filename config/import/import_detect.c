/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What is this text? Each of the first lines that say something is counted under the shape it has; the commonest shape wins. One
 * line proves little: lists hold lines of other formats, addresses, and debris. */
#include <string.h>

#include "import/segment_build.h"

#define DETECT_LINES 1000
#define DETECT_LOOKED ((size_t)1024 * 1024) /* bytes */
#define REFUSE_LOOKED ((size_t)4096)
#define CONTROL_ONE_IN ((size_t)32) /* more control bytes than this make no text, */
#define CONTROL_FEW ((size_t)7)	    /* but so many stand in a short list that somebody damaged */

enum shape {
	SHAPE_OTHER,
	SHAPE_YAML,
	SHAPE_HOSTS,
	SHAPE_NAME,
	SHAPE_WILDCARD,
	SHAPE_ADBLOCK,
	SHAPE_DNSMASQ,
	SHAPE_UNBOUND,
	SHAPE_RPZ,
	SHAPE_ADDRESS,
	SHAPE_REGEX,
	SHAPE_COUNT,
};

static const struct {
	const char *bytes;
	size_t len;
	const char *what;
} magics[] = {
    {"\x1f\x8b", 2, "compressed data (gzip)"},
    {"\xfd"
     "7zXZ",
     5, "compressed data (xz)"},
    {"\x28\xb5\x2f\xfd", 4, "compressed data (zstd)"},
    {"BZh", 3, "compressed data (bzip2)"},
    {"PK\x03\x04", 4, "compressed data (zip)"},
    {"%PDF-", 5, "a PDF document"},
};

static bool starts_nocase(struct str s, const char *prefix)
{
	size_t len = strlen(prefix);
	return s.len >= len && str_eq_nocase((struct str){s.ptr, len}, (struct str){prefix, len});
}

/* A stray NUL or two are a damaged line of a list, which is left out; many are no text. */
static bool looks_binary(struct str text)
{
	size_t control = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = (uint8_t)text.ptr[i];
		control += c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f';
	}
	return control > CONTROL_FEW && control * CONTROL_ONE_IN > text.len;
}

static bool looks_html(struct str text)
{
	static const char *const starts[] = {"<!doctype", "<html", "<?xml", "<head", "<body", "<script", "<!--", "<rss", "<svg"};
	text = str_trim(text);
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		if (starts_nocase(text, starts[i]))
			return true;
	}
	return false;
}

/* --- the shape of a line --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Cut the first token off. */
static struct str token(struct str *rest)
{
	struct str s = *rest, ret;
	size_t len = 0;
	while (s.len > 0 && is_blank(s.ptr[0]))
		s = (struct str){s.ptr + 1, s.len - 1};
	while (len < s.len && !is_blank(s.ptr[len]))
		len++;
	ret = (struct str){s.ptr, len};
	*rest = (struct str){s.ptr + len, s.len - len};
	return ret;
}

static bool has(struct str s, const char *piece)
{
	return memmem(s.ptr, s.len, piece, strlen(piece)) != NULL;
}

static bool starts_any(struct str s, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++) {
		if (starts_nocase(s, words[i]))
			return true;
	}
	return false;
}

/* Letters, digits, and what names have between them; a dot somewhere, unless `single`. */
static bool is_name(struct str s, bool single, bool star)
{
	bool dot = false;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = (uint8_t)s.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
		if (!letter && c != '-' && c != '_' && c != '.' && !(star && c == '*'))
			return false;
		dot |= c == '.';
	}
	return s.len > 0 && (dot || single);
}

static bool is_dnsmasq(struct str line)
{
	static const char *const words[] = {
	    "address=/",	 "server=/", "local=/",	     "bogus-nxdomain=", "ipset=/",    "nftset=/",
	    "rebind-domain-ok=", "cname=",   "host-record=", "txt-record=",	"conf-file=", NULL};
	return starts_any(line, words);
}

static bool is_unbound(struct str line)
{
	static const char *const words[] = {
	    "local-zone:", "local-data:", "local-data-ptr:", "server:",		"forward-zone:",	"stub-zone:",
	    "view:",	   "include:",	  "remote-control:", "local-zone-tag:", "access-control-view:", NULL};
	return starts_any(line, words);
}

static bool is_rpz(struct str line)
{
	static const char *const types[] = {"CNAME", "SOA", "NS", "A", "AAAA", "TXT", "MX", "SRV", "PTR", "DNAME"};
	struct str rest = line;
	if (starts_nocase(line, "$TTL") || starts_nocase(line, "$ORIGIN"))
		return true;
	(void)token(&rest); /* the owner */
	for (struct str word = token(&rest); word.len > 0; word = token(&rest)) {
		uint64_t ttl_s;
		if (str_eq_nocase(word, STR_LIT("IN")) || str_to_u64(word, &ttl_s))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(types); i++) {
			if (str_eq_nocase(word, str_from(types[i])))
				return token(&rest).len > 0;
		}
		return false;
	}
	return false;
}

static bool is_regex(struct str line)
{
	return has(line, "(^|") || has(line, "\\.") || has(line, "[0-9") || has(line, "[a-z") || has(line, "(.*") ||
	       (line.len > 1 && line.ptr[0] == '^') || (line.len > 1 && line.ptr[line.len - 1] == '$');
}

static bool is_adblock(struct str line)
{
	static const char *const starts[] = {"||", "@@", "[adblock", "[ublock", "://", "|http", NULL};
	static const char *const marks[] = {"##",	"#@#",	   "#?#",	   "#$#",	 "#%#",	       "$$",
					    "$@$",	"^$",	   "$third-party", "$domain=",	 "$important", "$popup",
					    "$dnstype", "$client", "$ctag",	   "$denyallow", "$badfilter", "$dnsrewrite",
					    "$script",	"$image",  "$~",	   NULL};
	if (starts_any(line, starts) || line.ptr[0] == '|' || line.ptr[line.len - 1] == '^' || line.ptr[line.len - 1] == '|')
		return true;
	for (size_t i = 0; marks[i] != NULL; i++) {
		if (has(line, marks[i]))
			return true;
	}
	return line.len > 2 && line.ptr[0] == '/' && line.ptr[line.len - 1] == '/';
}

static bool is_yaml(struct str line)
{
	static const char *const keys[] = {"entries:",	 "title:",	  "action:",
					   "authority:", "reason:",	  "code:",
					   "reference:", "contact:",	  "added:",
					   "review:",	 "expires:",	  "lifted:",
					   "lifted-by:", "lift-reason:",  "lift-reference:",
					   "sub-error:", "organization:", "language:",
					   "- domain:",	 "- regex:",	  "- {",
					   NULL};
	return str_eq_c(line, "---") || starts_any(line, keys);
}

static enum shape shape_of(struct str line)
{
	struct str rest = line;
	struct str first = token(&rest), second = token(&rest);
	bool alone = second.len == 0 || second.ptr[0] == '#' || second.ptr[0] == ';';
	if (import_is_address(first))
		return alone ? SHAPE_ADDRESS : SHAPE_HOSTS;
	if (is_dnsmasq(line))
		return SHAPE_DNSMASQ;
	if (is_yaml(line))
		return SHAPE_YAML;
	if (is_unbound(line))
		return SHAPE_UNBOUND;
	if (!alone && is_rpz(line))
		return SHAPE_RPZ;
	if (is_adblock(line))
		return SHAPE_ADBLOCK;
	if (str_eq_c(first, "-") && !alone)
		return SHAPE_YAML;
	if (alone && is_name(first, true, false))
		return is_name(first, false, false) ? SHAPE_NAME : SHAPE_OTHER;
	if (alone && (is_name(first, false, true) || (first.ptr[0] == '=' && is_name(first, false, true))))
		return SHAPE_WILDCARD;
	return is_regex(line) ? SHAPE_REGEX : SHAPE_OTHER;
}

/* Comments of every format. `##` begins a rule of an adblock list for all names, and a comment of others: it tells nothing. */
static bool is_comment(struct str line)
{
	return line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == '!' || line.ptr[0] == ';';
}

/* The next line that says something. */
static bool next_line(struct str *rest, struct str *ret)
{
	while (rest->len > 0) {
		*ret = str_trim(str_cut(rest, '\n'));
		if (!is_comment(*ret))
			return true;
	}
	return false;
}

static struct str without_bom(struct str text)
{
	return str_starts(text, "\xef\xbb\xbf") ? (struct str){text.ptr + 3, text.len - 3} : text;
}

static bool looks_hosts_deny(struct str text)
{
	size_t lines = 0, rules = 0;
	text.len = MIN(text.len, DETECT_LOOKED);
	for (struct str rest = text, line; lines < DETECT_LINES && next_line(&rest, &line); lines++) {
		struct str all = token(&line);
		rules +=
		    str_eq_nocase(all, STR_LIT("ALL:")) || (str_eq_nocase(all, STR_LIT("ALL")) && str_starts(str_trim(line), ":"));
	}
	return rules * 2 > lines;
}

bool import_refuse(struct str text, const char **ret_why)
{
	for (size_t i = 0; i < ARRAY_LEN(magics); i++) {
		if (text.len >= magics[i].len && memcmp(text.ptr, magics[i].bytes, magics[i].len) == 0) {
			*ret_why = magics[i].what;
			return true;
		}
	}
	text = without_bom(text);
	const struct str head = {text.ptr, MIN(text.len, REFUSE_LOOKED)};
	*ret_why = looks_binary(head)	    ? "binary data"
		   : looks_html(head)	    ? "an HTML page"
		   : looks_hosts_deny(text) ? "a hosts.deny file"
					    : NULL;
	return *ret_why != NULL;
}

/* The commonest shape; of equal ones the first. */
static enum shape winner(const size_t counts[SHAPE_COUNT])
{
	enum shape best = SHAPE_YAML;
	for (enum shape s = SHAPE_YAML; s < SHAPE_COUNT; s++) {
		if (counts[s] > counts[best])
			best = s;
	}
	return best;
}

enum format import_detect(struct str text, const char **ret_why)
{
	size_t counts[SHAPE_COUNT] = {0}, lines = 0, wildcards;
	if (import_refuse(text, ret_why))
		return FORMAT_AUTO;
	text = without_bom(text);
	text.len = MIN(text.len, DETECT_LOOKED);
	for (struct str rest = text, line; lines < DETECT_LINES && next_line(&rest, &line); lines++)
		counts[shape_of(line)]++;
	if (lines == 0)
		return FORMAT_DOMAINS; /* comments alone: an empty list */
	/* both are one family: names, and here and there a `*` */
	wildcards = counts[SHAPE_WILDCARD];
	counts[SHAPE_NAME] += wildcards;
	counts[SHAPE_WILDCARD] = 0;
	enum shape best = winner(counts);
	*ret_why = "text of some other kind";
	switch (counts[best] == 0 || counts[best] * 10 < lines ? SHAPE_OTHER : best) {
	case SHAPE_YAML:
		return FORMAT_YAML;
	case SHAPE_HOSTS:
		return FORMAT_HOSTS;
	case SHAPE_NAME:
	case SHAPE_WILDCARD:
		return wildcards > 0 ? FORMAT_WILDCARD : FORMAT_DOMAINS;
	case SHAPE_ADBLOCK:
		return FORMAT_ADBLOCK;
	case SHAPE_DNSMASQ:
		return FORMAT_DNSMASQ;
	case SHAPE_UNBOUND:
		return FORMAT_UNBOUND;
	case SHAPE_RPZ:
		return FORMAT_RPZ;
	case SHAPE_ADDRESS:
		*ret_why = "a list of IP addresses";
		return FORMAT_AUTO;
	case SHAPE_REGEX:
		*ret_why = "a list of regular expressions";
		return FORMAT_AUTO;
	case SHAPE_OTHER:
	case SHAPE_COUNT:
		break;
	}
	return FORMAT_AUTO;
}
