/* SPDX-License-Identifier: BSD-2-Clause
 *
 * doctor_resolver.c - does this machine itself ask saring, and whom does saring ask: /etc/resolv.conf and /etc/nsswitch.conf. */
#include "saringctl/doctor.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RESOLV_CONF "/etc/resolv.conf"
#define NSSWITCH_CONF "/etc/nsswitch.conf"
#define RESOLVED_SOCKET "/run/systemd/resolve/io.systemd.Resolve"
#define CONF_MAX (64 * 1024)
#define SERVERS_MAX 16

struct resolv {
	struct addr servers[SERVERS_MAX];
	size_t count, own; /* of them saring itself */
	char text[512];	   /* them with commas */
};

static void read_resolv(const struct doctor *d, struct str text, struct resolv *ret)
{
	size_t at = 0;
	*ret = (struct resolv){.count = 0};
	while (text.ptr != NULL && ret->count < SERVERS_MAX) {
		struct str line = str_trim(str_cut(&text, '\n'));
		struct addr *a = &ret->servers[ret->count];
		if (!str_starts(line, "nameserver") || line.len < 11 || (line.ptr[10] != ' ' && line.ptr[10] != '\t'))
			continue;
		if (!addr_from_text(str_trim((struct str){line.ptr + 11, line.len - 11}), 53, a))
			continue;
		char host[ADDR_TEXT_MAX];
		int put = snprintf(ret->text + at, sizeof(ret->text) - at, "%s%s", ret->count > 0 ? ", " : "",
				   addr_host_to_text(a, host));
		at = MIN(at + (size_t)MAX(put, 0), sizeof(ret->text) - 1);
		ret->own += settings_is_here(d->s, a) ? 1 : 0;
		ret->count++;
	}
}

static bool listens_at_53(const struct settings *s)
{
	for (size_t i = 0; i < s->listen_count; i++) {
		if (addr_port(&s->listen[i].addr) == 53)
			return true;
	}
	return false;
}

static const char USE_SARING[] =
    "If the programs of this machine are to be filtered too, its " RESOLV_CONF " must name saring alone:\n"
    "printf 'nameserver 127.0.0.1\\n' > " RESOLV_CONF "\n"
    "(or DNS=127.0.0.1 where systemd-resolved, NetworkManager or dhclient write it)";

static void judge_resolv(struct doctor *d, const struct resolv *r, const char *link)
{
	bool stub = strstr(link, "stub-resolv.conf") != NULL;
	char where[600];
	(void)snprintf(where, sizeof(where), "%s%s%s%s", RESOLV_CONF, link[0] != '\0' ? " (a link to " : "", link,
		       link[0] != '\0' ? ")" : "");
	if (r->count == 0) {
		doctor_find(d, HEALTH_WARNING, "resolv.conf", "%s names no server, so that this machine asks 127.0.0.1", where);
		doctor_remedy(d, "%s", USE_SARING);
	} else if (r->own == r->count) {
		doctor_find(d, HEALTH_OK, "resolv.conf", "%s names saring: %s", where, r->text);
	} else if (r->own > 0) {
		doctor_find(d, HEALTH_WARNING, "resolv.conf",
			    "%s names others beside saring, which are asked too, and do not filter: %s", where, r->text);
		doctor_remedy(d, "%s", USE_SARING);
	} else if (!listens_at_53(d->s)) {
		doctor_find(d, HEALTH_WARNING, "resolv.conf",
			    "%s names %s; saring does not listen at port 53, the only one that file can name", where, r->text);
		doctor_remedy(d, "%s", USE_SARING);
	} else {
		doctor_find(d, HEALTH_WARNING, "resolv.conf", "%s names %s, not saring%s", where, r->text,
			    stub ? ": that is the stub of systemd-resolved" : "");
		doctor_remedy(d, "%s",
			      stub ? "mkdir -p /etc/systemd/resolved.conf.d\n"
				     "printf '[Resolve]\\nDNS=127.0.0.1\\nDNSStubListener=no\\n' > "
				     "/etc/systemd/resolved.conf.d/saring.conf\n"
				     "ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf\n"
				     "systemctl restart systemd-resolved"
				   : USE_SARING);
	}
}

/* saring without servers of its own takes those of resolv.conf, which may be nobody but itself. */
static void judge_loop(struct doctor *d, const struct resolv *r)
{
	if (d->s->server_count > 0 || r->own < r->count || !d->has_config)
		return;
	doctor_find(d, HEALTH_PROBLEM, "bootstrap", "no 'upstream.servers' in '%s', and %s: nobody is left to ask", d->ctx->config,
		    r->count == 0 ? RESOLV_CONF " names no server" : RESOLV_CONF " names saring alone");
	doctor_remedy(d, "upstream: {servers: [dns://9.9.9.9, dns://149.112.112.112]}   # in saring.yaml, or your provider's");
}

/* Which word of the line it is, from 0; -1: none. */
static int word_at(struct str words, const char *wanted)
{
	for (int i = 0; words.ptr != NULL;) {
		struct str one = str_cut(&words, ' ');
		if (str_eq_c(one, wanted))
			return i;
		i += one.len > 0 ? 1 : 0;
	}
	return -1;
}

/* The services of "hosts:", blanks between them. Owned by the caller; NULL: the line is not there. */
static char *hosts_line(struct str text)
{
	char *found = NULL;
	while (text.ptr != NULL) {
		struct str line = str_trim(str_cut(&text, '\n'));
		if (!str_starts(line, "hosts:"))
			continue;
		free(found);
		found = str_dup(str_trim((struct str){line.ptr + 6, line.len - 6}));
		for (char *p = found; *p != '\0'; p++)
			*p = *p == '\t' ? ' ' : *p;
	}
	return found;
}

static void judge_nsswitch(struct doctor *d)
{
	struct buf text = {0};
	struct err err;
	if (!file_read(NSSWITCH_CONF, CONF_MAX, &text, &err)) {
		doctor_find(d, HEALTH_UNKNOWN, "nsswitch.conf", "%s", err.text);
		buf_finish(&text);
		return;
	}
	char *line = hosts_line(buf_str(&text));
	int dns = line != NULL ? word_at(str_from(line), "dns") : 0,
	    resolve = line != NULL ? word_at(str_from(line), "resolve") : -1;
	if (resolve >= 0 && (dns < 0 || resolve < dns) && access(RESOLVED_SOCKET, F_OK) == 0) {
		doctor_find(d, HEALTH_WARNING, "nsswitch.conf",
			    "hosts: %s: 'resolve' asks systemd-resolved, whatever resolv.conf says", line);
		doctor_remedy(d, "printf '[Resolve]\\nDNS=127.0.0.1\\nDomains=~.\\nDNSStubListener=no\\n' > "
				 "/etc/systemd/resolved.conf.d/saring.conf\n"
				 "systemctl restart systemd-resolved");
	} else if (dns < 0 && resolve < 0) {
		doctor_find(d, HEALTH_WARNING, "nsswitch.conf", "hosts: %s: programs of this machine do not ask DNS at all", line);
		doctor_remedy(d, "hosts: files dns   # in " NSSWITCH_CONF);
	} else {
		doctor_find(d, HEALTH_OK, "nsswitch.conf", "hosts: %s", line != NULL ? line : "not said, which means files dns");
	}
	free(line);
	buf_finish(&text);
}

void doctor_resolver(struct doctor *d)
{
	struct buf text = {0};
	struct err err;
	struct resolv r = {.count = 0};
	char link[256];
	ssize_t len = readlink(RESOLV_CONF, link, sizeof(link) - 1);
	link[len > 0 ? len : 0] = '\0';
	if (file_read(RESOLV_CONF, CONF_MAX, &text, &err)) {
		read_resolv(d, buf_str(&text), &r);
		judge_resolv(d, &r, link);
	} else {
		doctor_find(d, HEALTH_WARNING, "resolv.conf", "%s cannot be read: %s", RESOLV_CONF, err.text);
		doctor_remedy(d, "%s", USE_SARING);
	}
	judge_loop(d, &r);
	judge_nsswitch(d);
	buf_finish(&text);
}
