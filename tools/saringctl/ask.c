/* SPDX-License-Identifier: BSD-2-Clause */
#include "saringctl/ask.h"

#include "base/clock.h"
#include "base/rand.h"
#include "wire/edns.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool ask_address(const char *endpoint, struct addr *ret)
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

/* Returns the length. */
static size_t write_query(const struct name *name, uint16_t type, uint16_t id, uint8_t *ret, size_t cap)
{
	struct wr w = wr_init(ret, cap);
	struct msg_header header = {.id = id, .flags = MSG_RD, .qdcount = 1, .arcount = 1};
	msg_write_header(&w, &header);
	name_write(&w, name);
	wr_u16(&w, type);
	wr_u16(&w, RRCLASS_IN);
	edns_write_end(&w, edns_write_begin(&w, MSG_UDP_EDNS_MAX, 0, false));
	must(!w.full);
	return w.pos;
}

static bool is_answer(const struct ask_reply *reply, const struct name *name, uint16_t type, uint16_t id)
{
	struct rd r = rd_init(reply->bytes, reply->len);
	struct msg_header header;
	struct msg_question question;
	msg_read_header(&r, &header);
	return rd_ok(&r) && header.id == id && (header.flags & MSG_QR) != 0 && header.qdcount == 1 &&
	       msg_read_question(&r, &question) && question.type == type && question.class == RRCLASS_IN &&
	       name_eq_nocase(&question.name, name);
}

/* 0: the time is over; -1: errno. */
static int wait_readable(int fd, int64_t until_ms)
{
	for (;;) {
		int64_t left_ms = MAX(until_ms - clock_mono_ms(), 0);
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int n = poll(&p, 1, (int)MIN(left_ms, INT32_MAX));
		if (n >= 0 || errno != EINTR)
			return n;
	}
}

static bool exchange(int fd, const struct addr *where, const struct name *name, uint16_t type, int64_t timeout_ms,
		     struct ask_reply *ret, struct err *err)
{
	uint8_t query[MSG_HEADER_LEN + NAME_LEN_MAX + 4 + 11];
	char text[ADDR_TEXT_MAX];
	uint16_t id;
	int64_t until_ms = clock_mono_ms() + timeout_ms;
	int ready;
	(void)addr_to_text(where, text);
	rand_bytes(&id, sizeof(id));
	size_t len = write_query(name, type, id, query, sizeof(query));
	if (connect(fd, &where->sa, where->len) < 0 || send(fd, query, len, 0) != (ssize_t)len)
		return err_set_errno(err, ERR_UNREACHABLE, "asking %s", text);
	while ((ready = wait_readable(fd, until_ms)) > 0) {
		ssize_t got = recv(fd, ret->bytes, sizeof(ret->bytes), 0);
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return err_set_errno(err, ERR_UNREACHABLE, "asking %s", text);
		ret->len = got < 0 ? 0 : (size_t)got;
		if (!is_answer(ret, name, type, id))
			continue;
		ret->rcode = ret->bytes[3] & MSG_RCODE;
		return true;
	}
	return ready < 0 ? err_set_errno(err, ERR_IO, "waiting for %s", text)
			 : err_set(err, ERR_UNREACHABLE, "%s did not answer in time", text);
}

bool ask_listener(const struct addr *where, const struct name *name, uint16_t type, int64_t timeout_ms, struct ask_reply *ret,
		  struct err *err)
{
	int fd = socket(where->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set_errno(err, ERR_IO, "opening a UDP socket");
	bool ok = exchange(fd, where, name, type, timeout_ms, ret, err);
	close(fd);
	return ok;
}
