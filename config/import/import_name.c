/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names as lists write them. Nearly all are plain ASCII: those go from text to wire form in one pass over a table. For the others
 * it is said what is wrong with them. */
#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "import/segment_build.h"

#define LABEL_MAX 63
#define SCAN_MAX 254 /* characters of the longest name in plain ASCII, with its final dot */

/* What an octet is, and besides it what it becomes. 0: nothing that a plain name has. */
#define SEEN_LETTER 1u /* anything but a digit */
#define SEEN_UPPER 2u

static const struct {
	uint8_t fold, seen;
} octets[256] = {
    ['-'] = {'-', SEEN_LETTER}, ['_'] = {'_', SEEN_LETTER}, ['0'] = {'0', 0}, ['1'] = {'1', 0}, ['2'] = {'2', 0}, ['3'] = {'3', 0},
    ['4'] = {'4', 0},		['5'] = {'5', 0},	    ['6'] = {'6', 0}, ['7'] = {'7', 0}, ['8'] = {'8', 0}, ['9'] = {'9', 0},
#define LETTER(upper, lower) [lower] = {lower, SEEN_LETTER}, [upper] = {lower, SEEN_LETTER | SEEN_UPPER}
    LETTER('A', 'a'),		LETTER('B', 'b'),	    LETTER('C', 'c'), LETTER('D', 'd'), LETTER('E', 'e'), LETTER('F', 'f'),
    LETTER('G', 'g'),		LETTER('H', 'h'),	    LETTER('I', 'i'), LETTER('J', 'j'), LETTER('K', 'k'), LETTER('L', 'l'),
    LETTER('M', 'm'),		LETTER('N', 'n'),	    LETTER('O', 'o'), LETTER('P', 'p'), LETTER('Q', 'q'), LETTER('R', 'r'),
    LETTER('S', 's'),		LETTER('T', 't'),	    LETTER('U', 'u'), LETTER('V', 'v'), LETTER('W', 'w'), LETTER('X', 'x'),
    LETTER('Y', 'y'),		LETTER('Z', 'z'),
#undef LETTER
};

/* From `at` to the first octet that no plain name has, or end. NULL when what was read is no name: an empty label, too long.
 * ret_dot: it ended with a dot. */
static const char *scan(const char *at, const char *end, struct name *ret, unsigned *ret_seen, bool *ret_dot)
{
	uint8_t *label = ret->wire, *w = ret->wire + 1;
	unsigned seen = 0, labels = 0;
	if (end - at > SCAN_MAX)
		end = at + SCAN_MAX; /* the callers see that it went on */
	for (; at < end; at++) {
		uint8_t fold = octets[(uint8_t)*at].fold;
		if (fold != 0) {
			seen |= octets[(uint8_t)*at].seen;
			*w++ = fold;
			continue;
		}
		if (*at != '.')
			break;
		size_t len = (size_t)(w - label - 1);
		if (len == 0 || len > LABEL_MAX)
			return NULL;
		*label = (uint8_t)len;
		label = w++;
		labels++;
	}
	size_t len = (size_t)(w - label - 1);
	*ret_dot = len == 0;
	if (len > LABEL_MAX || (len > 0 && w - ret->wire >= NAME_LEN_MAX))
		return NULL;
	if (len > 0) {
		*label = (uint8_t)len;
		label = w;
		labels++;
	}
	if (labels == 0)
		return NULL;
	*label = 0;
	ret->len = (uint8_t)(label - ret->wire + 1);
	ret->labels = (uint8_t)labels;
	*ret_seen = seen;
	return at;
}
/* A length octet stands before the first character, and then one in place of each dot. */
static_assert(SCAN_MAX + 1 <= NAME_LEN_MAX, "a name that is too long overruns struct name");

/* Names of the machine itself, that stand at the head of every hosts file. */
static bool is_local(const struct name *name)
{
	static const char *const words[] = {
	    "\x9localhost",	  "\x9localhost\xblocaldomain",
	    "\xalocalhost4",	  "\xalocalhost4\xclocaldomain4",
	    "\xalocalhost6",	  "\xalocalhost6\xclocaldomain6",
	    "\x5local",		  "\x8loopback",
	    "\015broadcasthost",  "\xdip6-localhost",
	    "\xcip6-loopback",	  "\xcip6-localnet",
	    "\xfip6-mcastprefix", "\xcip6-allnodes",
	    "\xeip6-allrouters",  "\xcip6-allhosts",
	};
	if (LIKELY(name->labels > 2 || (name->wire[1] != 'l' && name->wire[1] != 'i' && name->wire[1] != 'b')))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strlen(words[i]) + 1 == name->len && memcmp(words[i], name->wire, name->len) == 0)
			return true;
	}
	return false;
}

bool import_name_quick(struct import *im, const char *at, const char *end, uint32_t line, struct name *ret, const char **ret_end)
{
	unsigned seen = 0;
	bool dot = false;
	const char *stop = scan(at, end, ret, &seen, &dot);
	if (UNLIKELY(stop == NULL || (stop < end && *stop != ' ' && *stop != '\t') || ret->labels < 2 ||
		     (seen & SEEN_LETTER) == 0 || is_local(ret)))
		return false;
	if (UNLIKELY((seen & SEEN_UPPER) != 0))
		import_changed(im, CHANGE_CASE, line, (struct str){at, (size_t)(stop - at)});
	if (UNLIKELY(dot))
		import_changed(im, CHANGE_TRAILING_DOT, line, (struct str){at, (size_t)(stop - at)});
	*ret_end = stop;
	return true;
}

/* --- addresses --- */

static bool is_one_address(struct str text)
{
	char copy[INET6_ADDRSTRLEN + 1];
	uint8_t bytes[16];
	const char *scope = text.len == 0 ? NULL : memchr(text.ptr, '%', text.len);
	if (scope != NULL)
		text.len = (size_t)(scope - text.ptr);
	if (text.len == 0 || text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	return inet_pton(AF_INET, copy, bytes) == 1 || inet_pton(AF_INET6, copy, bytes) == 1;
}

static bool all_of(struct str text, const char *set)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\0' || strchr(set, text.ptr[i]) == NULL)
			return false;
	}
	return text.len > 0;
}

bool import_is_address(struct str text)
{
	struct str rest = text;
	if (text.len > 1 && text.ptr[0] == '[') {
		rest = (struct str){text.ptr + 1, text.len - 1};
		return is_one_address(str_cut(&rest, ']'));
	}
	struct str host = str_cut(&rest, '/');
	if (rest.ptr != NULL && !all_of(rest, "0123456789"))
		return false;
	if (is_one_address(host))
		return true;
	/* 192.0.2.1:80 */
	rest = host;
	host = str_cut(&rest, ':');
	return rest.ptr != NULL && all_of(rest, "0123456789") && is_one_address(host);
}

/* --- what is wrong with it --- */

static bool holds(struct str text, const char *piece)
{
	return memmem(text.ptr, text.len, piece, strlen(piece)) != NULL;
}

static bool holds_any(struct str text, const char *set)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '\0' && strchr(set, text.ptr[i]) != NULL)
			return true;
	}
	return false;
}

static bool holds_control(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = (uint8_t)text.ptr[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static enum left_reason reason_of(struct str text)
{
	if (text.len == 0)
		return LEFT_BAD_NAME;
	if (holds_control(text))
		return LEFT_NOT_TEXT;
	if (import_is_address(text) || (all_of(text, "0123456789.") && !all_of(text, ".")))
		return LEFT_IP; /* or what was one before somebody cut it: 178..155 */
	if (holds(text, "://"))
		return LEFT_URL;
	if (holds_any(text, "/?="))
		return LEFT_PATH;
	if (holds_any(text, ":@"))
		return LEFT_URL;
	if (text.ptr[0] == '.' || holds(text, ".."))
		return LEFT_EMPTY_LABEL;
	return LEFT_BAD_NAME;
}

static bool is_plain(const struct name *name)
{
	for (size_t i = 0, next = 0; i + 1 < name->len; i++) {
		if (i == next)
			next += 1u + name->wire[i];
		else if (octets[name->wire[i]].fold == 0)
			return false;
	}
	return true;
}

/* libidn2 is asked for what is not ASCII, and for that only: it refuses plain names that exist. */
static bool from_unicode(struct str text, struct name *ret)
{
	struct err err;
	bool beyond = false;
	for (size_t i = 0; i < text.len; i++) {
		beyond |= (uint8_t)text.ptr[i] >= 0x80;
		if (text.ptr[i] == '\\') /* an escape: name_from_text knows them, lists don't */
			return false;
	}
	return beyond && !holds_control(text) && name_from_text(text, ret, &err) && is_plain(ret);
}

static bool judge(struct import *im, struct str text, unsigned seen, bool dot, bool single_label, uint32_t line,
		  const struct name *name)
{
	if ((seen & SEEN_LETTER) == 0) {
		/* 0.0.0.0 0.0.0.0 stands at the head of hosts files */
		import_left(im, str_eq_c(text, "0.0.0.0") ? LEFT_LOCALHOST : LEFT_IP, line, text);
		return false;
	}
	/* *.local is asked for by its own word, localhost never */
	if (is_local(name) && !(single_label && name->wire[0] == strlen("local"))) {
		import_left(im, LEFT_LOCALHOST, line, text);
		return false;
	}
	if (name->labels < 2 && !single_label) {
		import_left(im, LEFT_SINGLE_LABEL, line, text);
		return false;
	}
	if ((seen & SEEN_UPPER) != 0)
		import_changed(im, CHANGE_CASE, line, text);
	if (dot)
		import_changed(im, CHANGE_TRAILING_DOT, line, text);
	return true;
}

bool import_name(struct import *im, struct str text, bool single_label, uint32_t line, struct name *ret)
{
	unsigned seen = 0;
	bool dot = false;
	const char *end = text.len == 0 ? NULL : text.ptr + text.len;
	const char *stop = text.len == 0 ? NULL : scan(text.ptr, end, ret, &seen, &dot);
	if (LIKELY(stop == end && stop != NULL))
		return judge(im, text, seen, dot, single_label, line, ret);
	if (text.len > 0 && from_unicode(text, ret)) {
		if (!judge(im, text, SEEN_LETTER, text.ptr[text.len - 1] == '.', single_label, line, ret))
			return false;
		import_changed(im, CHANGE_IDN, line, text);
		return true;
	}
	import_left(im, reason_of(text), line, text);
	return false;
}

/* --- patterns --- */

bool import_pattern(struct import *im, struct str text, uint32_t line, char ret[IMPORT_PATTERN_LEN_MAX + 1], struct str *ret_text)
{
	size_t len = 0, letters = 0, label = 0; /* label: octets since the last dot or `*` */
	struct str given = text;
	if (text.len > 1 && text.ptr[text.len - 1] == '.')
		text.len--;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = (uint8_t)text.ptr[i], fold = octets[c].fold;
		if (c == '*' && len > 0 && ret[len - 1] == '*')
			continue;
		bool empty = c == '.' && (len == 0 || ret[len - 1] == '.');
		label = c == '*' || c == '.' ? 0 : label + 1;
		if (len == IMPORT_PATTERN_LEN_MAX || (fold == 0 && c != '*' && c != '.') || empty || label > LABEL_MAX) {
			enum left_reason reason = reason_of(given);
			import_left(im, reason == LEFT_BAD_NAME || reason == LEFT_EMPTY_LABEL ? LEFT_PATTERN : reason, line, given);
			return false;
		}
		letters += fold != 0 && fold != '-' && fold != '_';
		ret[len++] = (char)(fold != 0 ? fold : c);
	}
	if (letters < IMPORT_PATTERN_LETTERS) {
		/* 192.0.2.* and the like have letters enough, and can never be a name's */
		import_left(im, LEFT_PATTERN, line, given);
		return false;
	}
	ret[len] = '\0';
	if (all_of((struct str){ret, len}, "0123456789.*")) {
		import_left(im, LEFT_IP, line, given);
		return false;
	}
	*ret_text = (struct str){ret, len};
	return true;
}
