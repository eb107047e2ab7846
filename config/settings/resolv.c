/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which servers to ask when saring.yaml names none: those of resolv.conf(5), but never ourselves. */
#include "settings/load.h"

#include <string.h>

#include "base/file.h"

#define RESOLV_BYTES_MAX 65536
#define DNS_PORT 53

static struct str next_word(struct str *line)
{
	*line = str_trim(*line);
	size_t len = 0;
	while (len < line->len && line->ptr[len] != ' ' && line->ptr[len] != '\t')
		len++;
	struct str word = {line->ptr, len};
	*line = (struct str){line->ptr + len, line->len - len};
	return word;
}

/* The address of a "nameserver" line; false for every other line, and for addresses libc would not take either. */
static bool read_nameserver(struct str line, struct addr *ret)
{
	if (!str_eq_c(next_word(&line), "nameserver"))
		return false;
	struct str word = next_word(&line);
	if (word.len == 0 || word.ptr[0] == '[' || !addr_from_text(word, DNS_PORT, ret))
		return false;
	if (ret->sa.sa_family == AF_INET && memchr(word.ptr, ':', word.len) != NULL)
		return false; /* "192.0.2.1:5353": resolv.conf knows no ports */
	/* To libc the unspecified address is this host. */
	if (addr_is_any(ret) && ret->sa.sa_family == AF_INET)
		ret->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (addr_is_any(ret))
		ret->in6.sin6_addr = in6addr_loopback;
	return true;
}

static bool is_there(const struct endpoint *servers, size_t count, const struct addr *addr)
{
	for (size_t i = 0; i < count; i++) {
		if (addr_eq(&servers[i].addr, addr))
			return true;
	}
	return false;
}

size_t settings_resolv_conf(const char *path, const struct settings *s, struct endpoint *ret, size_t max, struct arena *arena)
{
	struct buf text = {0};
	size_t count = 0;
	uint32_t line_number = 0;
	if (!file_read(path, RESOLV_BYTES_MAX, &text, NULL)) {
		buf_finish(&text);
		return 0;
	}
	for (struct str rest = buf_str(&text); rest.ptr != NULL && count < max;) {
		struct str line = str_cut(&rest, '\n');
		struct addr addr;
		char shown[ADDR_TEXT_MAX];
		line_number++;
		if (!read_nameserver(line, &addr) || settings_is_here(s, &addr) || is_there(ret, count, &addr))
			continue;
		ret[count] = (struct endpoint){.scheme = ENDPOINT_DNS, .addr = addr, .line = line_number, .column = 1};
		ret[count++].text = arena_printf(arena, "dns://%s", addr_to_text(&addr, shown));
	}
	buf_finish(&text);
	return count;
}
