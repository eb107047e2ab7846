/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/dns_client.h"

#include "base/clock.h"
#include "base/rand.h"
#include "base/str.h"
#include "wire/msg.h"
#include "wire/rrtype.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUERY_MAX 512

bool dns_client_address(const char *endpoint, struct addr *ret)
{
	static const char scheme[] = "dns://";
	struct str text = str_from(endpoint);
	if (str_starts(text, scheme))
		text = str_from(endpoint + sizeof(scheme) - 1);
	if (!addr_from_text(text, 53, ret) || addr_port(ret) == 0)
		return false;
	if (!addr_is_any(ret))
		return true;
	if (ret->sa.sa_family == AF_INET)
		ret->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		ret->in6.sin6_addr = in6addr_loopback;
	return true;
}

const char *dns_client_rcode(uint16_t rcode, char buf[DNS_RCODE_MAX])
{
	static const char *const words[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
	if (rcode < ARRAY_LEN(words))
		return words[rcode];
	(void)snprintf(buf, DNS_RCODE_MAX, "RCODE%u", rcode);
	return buf;
}

/* ---- messages ---- */

static size_t write_query(uint8_t *bytes, size_t cap, const struct dns_asked *asked)
{
	struct wr w = wr_init(bytes, cap);
	msg_write_header(
	    &w, &(struct msg_header){
		    .id = asked->id, .flags = (uint16_t)(MSG_RD | (asked->wants_ad ? MSG_AD : 0)), .qdcount = 1, .arcount = 1});
	name_write(&w, asked->name);
	wr_u16(&w, asked->type);
	wr_u16(&w, RRCLASS_IN);
	edns_write_end(&w, edns_write_begin(&w, MSG_UDP_EDNS_MAX, 0, false));
	must(!w.full);
	return w.pos;
}

static void take_ede(const uint8_t *data, uint16_t len, struct dns_result *ret)
{
	if (len < 2 || ret->ede_count == DNS_EDES_MAX)
		return;
	const struct str text = {(const char *)data + 2, MIN((size_t)len - 2, (size_t)EDNS_EDE_TEXT_MAX)};
	ret->edes[ret->ede_count++] = be_get_u16(data);
	if (ret->ede_count == 1 && text.len > 0 && str_is_utf8(text) && memchr(text.ptr, '\0', text.len) == NULL) {
		memcpy(ret->ede_text, text.ptr, text.len);
		ret->ede_text[text.len] = '\0';
	}
}

static void take_opt(const uint8_t *bytes, const struct msg_rr *rr, struct dns_result *ret)
{
	struct rd options = rd_init(bytes + rr->rdata_pos, rr->rdata_len);
	uint16_t code = 0, len = 0;
	const uint8_t *data = NULL;
	ret->rcode = (uint16_t)(ret->rcode | rr->ttl_s >> 24 << 4);
	while (edns_next(&options, &code, &data, &len)) {
		if (code == EDNS_EDE)
			take_ede(data, len, ret);
	}
}

bool dns_client_parse(const uint8_t *bytes, size_t len, const struct dns_asked *asked, struct dns_result *ret, bool *ret_cut)
{
	struct rd r = rd_init(bytes, len);
	struct msg_header h;
	struct msg_question q;
	msg_read_header(&r, &h);
	if (!rd_ok(&r) || h.id != asked->id || (h.flags & MSG_QR) == 0 || h.qdcount != 1 || !msg_read_question(&r, &q) ||
	    q.type != asked->type || q.class != RRCLASS_IN || !name_eq_nocase(&q.name, asked->name))
		return false;
	struct dns_result got = {
	    .outcome = DNS_ANSWERED, .rcode = h.flags & MSG_RCODE, .flags = h.flags, .answer_count = h.ancount};
	const size_t records = (size_t)h.ancount + h.nscount + h.arcount;
	for (size_t i = 0; i < records && (h.flags & MSG_TC) == 0; i++) {
		struct msg_rr rr;
		if (!msg_read_rr(&r, &rr)) {
			got.outcome = DNS_GARBLED;
			break;
		}
		if (i >= (size_t)h.ancount + h.nscount && rr.type == RRTYPE_OPT)
			take_opt(bytes, &rr, &got);
	}
	*ret = got;
	*ret_cut = (h.flags & MSG_TC) != 0;
	return true;
}

/* ---- sockets ---- */

static int64_t left_ms(int64_t deadline_ms)
{
	const int64_t left = deadline_ms - clock_mono_ms();
	return left < 0 ? 0 : left;
}

/* Waits for events; false when the time is over. */
static bool wait_for(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		const int n = poll(&p, 1, (int)MIN(left_ms(deadline_ms), (int64_t)60000));
		if (n > 0)
			return true;
		if (n == 0 && left_ms(deadline_ms) == 0)
			return false;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

static int open_socket(const struct addr *server, int type)
{
	const int fd = socket(server->sa.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, &server->sa, server->len) == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

/* All of it or nothing: reading, or writing. */
static bool transfer(int fd, uint8_t *bytes, size_t len, bool writes, int64_t deadline_ms)
{
	for (size_t at = 0; at < len;) {
		const ssize_t n = writes ? send(fd, bytes + at, len - at, MSG_NOSIGNAL) : recv(fd, bytes + at, len - at, 0);
		if (n > 0)
			at += (size_t)n;
		else if (n == 0 || (errno != EAGAIN && errno != EINTR) || !wait_for(fd, writes ? POLLOUT : POLLIN, deadline_ms))
			return false;
	}
	return true;
}

/* message: NULL, or where the answer is put, over what it had. */
static void ask_tcp(const struct addr *server, const struct name *name, uint16_t type, bool wants_ad, int64_t deadline_ms,
		    struct dns_result *ret, struct buf *message)
{
	uint8_t frame[2 + QUERY_MAX], head[2], *answer = NULL;
	const struct dns_asked asked = {.name = name, .type = type, .id = (uint16_t)rand_u32(), .wants_ad = wants_ad};
	const size_t len = write_query(frame + 2, QUERY_MAX, &asked);
	bool cut = false, good = false;
	be_put_u16(frame, (uint16_t)len);
	*ret = (struct dns_result){.outcome = DNS_SILENT, .tcp = true};
	const int fd = open_socket(server, SOCK_STREAM);
	if (fd < 0) {
		ret->outcome = DNS_UNREACHABLE;
		return;
	}
	if (wait_for(fd, POLLOUT, deadline_ms) && transfer(fd, frame, 2 + len, true, deadline_ms) &&
	    transfer(fd, head, sizeof(head), false, deadline_ms)) {
		answer = base_alloc((size_t)be_get_u16(head) + 1);
		good = transfer(fd, answer, be_get_u16(head), false, deadline_ms);
	}
	if (good && (!dns_client_parse(answer, be_get_u16(head), &asked, ret, &cut) || cut))
		ret->outcome = DNS_GARBLED;
	if (good && message != NULL) {
		buf_reset(message);
		buf_add(message, answer, be_get_u16(head));
	}
	ret->tcp = true;
	free(answer);
	close(fd);
}

/* ---- many at once ---- */

struct asked {
	uint16_t id;
	bool under_way;
	int64_t try_until_ms, until_ms;
};

struct asking {
	int fd;
	const struct addr *server;
	const struct name *names;
	uint16_t type;
	struct buf *message; /* of the last answer, when that is wanted; else NULL */
	struct asked *asked; /* owned */
	uint8_t *bytes;	     /* owned; MSG_LEN_MAX of them */
	struct dns_result *ret;
	size_t count, next, under_way;
	int64_t deadline_ms;
};

static struct dns_asked asked_of(const struct asking *a, size_t i)
{
	return (struct dns_asked){.name = &a->names[i], .type = a->type, .id = a->asked[i].id};
}

/* False: nobody is there. */
static bool send_one(struct asking *a, size_t i, int64_t now_ms)
{
	uint8_t bytes[QUERY_MAX];
	const struct dns_asked asked = asked_of(a, i);
	const size_t len = write_query(bytes, sizeof(bytes), &asked);
	a->asked[i].try_until_ms = now_ms + DNS_CLIENT_TRY_MS;
	/* what cannot be sent now is sent with the next try */
	return send(a->fd, bytes, len, MSG_NOSIGNAL) >= 0 || errno != ECONNREFUSED;
}

static void settle(struct asking *a, size_t i, enum dns_outcome outcome)
{
	a->asked[i].under_way = false;
	a->under_way--;
	if (outcome != DNS_ANSWERED)
		a->ret[i] = (struct dns_result){.outcome = outcome};
}

static void settle_all(struct asking *a, enum dns_outcome outcome)
{
	for (size_t i = 0; i < a->count; i++) {
		if (a->asked[i].under_way)
			settle(a, i, outcome);
		else if (i >= a->next)
			a->ret[i] = (struct dns_result){.outcome = outcome};
	}
	a->next = a->count;
}

static bool send_more(struct asking *a)
{
	const int64_t now_ms = clock_mono_ms();
	bool there = true;
	for (; a->next < a->count && a->under_way < DNS_CLIENT_WINDOW && there; a->next++) {
		struct asked *one = &a->asked[a->next];
		*one = (struct asked){.id = (uint16_t)rand_u32(), .under_way = true, .until_ms = now_ms + DNS_CLIENT_MS};
		a->under_way++;
		there = send_one(a, a->next, now_ms);
	}
	return there;
}

/* Whose time is over, or who is to be asked again. Returns when to look next. */
static int64_t look_at_times(struct asking *a)
{
	const int64_t now_ms = clock_mono_ms();
	int64_t next_ms = a->deadline_ms;
	for (size_t i = 0; i < a->next; i++) {
		struct asked *one = &a->asked[i];
		if (!one->under_way)
			continue;
		if (one->until_ms <= now_ms) {
			settle(a, i, DNS_SILENT);
			continue;
		}
		if (one->try_until_ms <= now_ms)
			(void)send_one(a, i, now_ms);
		next_ms = MIN(next_ms, MIN(one->until_ms, one->try_until_ms));
	}
	return next_ms;
}

static void take_answer(struct asking *a, size_t len)
{
	for (size_t i = 0; i < a->next; i++) {
		bool cut = false;
		const struct dns_asked asked = asked_of(a, i);
		if (!a->asked[i].under_way || !dns_client_parse(a->bytes, len, &asked, &a->ret[i], &cut))
			continue;
		const int64_t until_ms = MIN(a->deadline_ms, a->asked[i].until_ms);
		settle(a, i, DNS_ANSWERED);
		if (a->message != NULL)
			buf_add(a->message, a->bytes, len);
		if (cut)
			ask_tcp(a->server, &a->names[i], a->type, false, until_ms, &a->ret[i], a->message);
		return;
	}
}

/* False: nobody is there. */
static bool receive(struct asking *a)
{
	for (;;) {
		const ssize_t n = recv(a->fd, a->bytes, MSG_LEN_MAX, 0);
		if (n < 0)
			return errno != ECONNREFUSED;
		take_answer(a, (size_t)n);
	}
}

static void ask_all(struct asking *a)
{
	a->fd = open_socket(a->server, SOCK_DGRAM);
	a->asked = base_alloc((a->count + 1) * sizeof(struct asked));
	a->bytes = base_alloc(MSG_LEN_MAX);
	if (a->fd < 0)
		settle_all(a, DNS_UNREACHABLE);
	while (a->next < a->count || a->under_way > 0) {
		if (left_ms(a->deadline_ms) == 0) {
			settle_all(a, DNS_SILENT);
			break;
		}
		if (!send_more(a)) {
			settle_all(a, DNS_UNREACHABLE);
			break;
		}
		const int64_t next_ms = look_at_times(a);
		if (a->under_way > 0 && wait_for(a->fd, POLLIN, next_ms) && !receive(a))
			settle_all(a, DNS_UNREACHABLE);
	}
	if (a->fd >= 0)
		close(a->fd);
	free(a->asked);
	free(a->bytes);
}

void dns_client_ask(const struct addr *server, const struct name *names, size_t count, int64_t deadline_ms, struct dns_result *ret)
{
	struct asking a = {
	    .server = server, .names = names, .type = RRTYPE_A, .count = count, .deadline_ms = deadline_ms, .ret = ret};
	ask_all(&a);
}

bool dns_client_fetch(const struct addr *server, const struct name *name, uint16_t type, int64_t timeout_ms, struct dns_result *ret,
		      struct buf *ret_message, struct err *err)
{
	struct buf message = {NULL, 0, 0};
	struct dns_result result = {.outcome = DNS_SILENT};
	char text[ADDR_TEXT_MAX];
	struct asking a = {.server = server,
			   .names = name,
			   .type = type,
			   .count = 1,
			   .deadline_ms = clock_mono_ms() + timeout_ms,
			   .ret = &result,
			   .message = &message};
	bool ok = false;
	ask_all(&a);
	(void)addr_to_text(server, text);
	switch (result.outcome) {
	case DNS_ANSWERED:
		buf_add(ret_message, message.ptr, message.len);
		*ret = result;
		ok = true;
		break;
	case DNS_SILENT:
		err_set(err, ERR_UNREACHABLE, "%s did not answer in time", text);
		break;
	case DNS_UNREACHABLE:
		err_set(err, ERR_UNREACHABLE, "nobody answers at %s", text);
		break;
	case DNS_GARBLED:
		err_set(err, ERR_INPUT, "the answer of %s cannot be read", text);
		break;
	}
	buf_finish(&message);
	return ok;
}

static void probe_udp(const struct addr *server, const struct name *name, uint16_t type, int64_t deadline_ms,
		      struct dns_result *ret)
{
	uint8_t query[QUERY_MAX], *bytes = base_alloc(MSG_LEN_MAX);
	const struct dns_asked asked = {.name = name, .type = type, .id = (uint16_t)rand_u32(), .wants_ad = true};
	const size_t len = write_query(query, sizeof(query), &asked);
	const int fd = open_socket(server, SOCK_DGRAM);
	bool cut = false, done = fd < 0;
	*ret = (struct dns_result){.outcome = fd < 0 ? DNS_UNREACHABLE : DNS_SILENT};
	while (!done && left_ms(deadline_ms) > 0) {
		const int64_t try_until_ms = MIN(deadline_ms, clock_mono_ms() + DNS_CLIENT_TRY_MS / 2);
		bool refused = send(fd, query, len, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED;
		while (!done && !refused && wait_for(fd, POLLIN, try_until_ms)) {
			const ssize_t n = recv(fd, bytes, MSG_LEN_MAX, 0);
			refused = n < 0 && errno == ECONNREFUSED;
			done = n > 0 && dns_client_parse(bytes, (size_t)n, &asked, ret, &cut);
		}
		if (refused)
			ret->outcome = DNS_UNREACHABLE;
		done = done || refused;
	}
	if (fd >= 0)
		close(fd);
	free(bytes);
}

void dns_client_probe(const struct addr *server, const struct name *name, uint16_t type, bool tcp, int64_t timeout_ms,
		      struct dns_result *ret, int64_t *ret_ms)
{
	const int64_t begun_ms = clock_mono_ms();
	if (tcp)
		ask_tcp(server, name, type, true, begun_ms + timeout_ms, ret, NULL);
	else
		probe_udp(server, name, type, begun_ms + timeout_ms, ret);
	*ret_ms = clock_mono_ms() - begun_ms;
}
