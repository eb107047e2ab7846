/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/answer.h"
#include "query/query.h"

static enum fate refuse(struct service *s, struct query *q, uint16_t rcode, uint16_t ede)
{
	answer_rcode(s, q, rcode, &(struct query_extra){.has_ede = ede != 0, .ede = ede});
	query_finish(s, q, COUNTER_REFUSED);
	return FATE_ANSWER;
}

/* RFC 7873 §5.4: a query without a question asks for a server cookie, and whether the one it brings is good. */
static enum fate give_cookie(struct service *s, struct query *q)
{
	if (!q->has_cookie)
		return refuse(s, q, RCODE_FORMERR, 0); /* as where cookies are not known */
	bool bad = q->raw_cookie_len > COOKIE_CLIENT_LEN && !q->cookie_good;
	answer_rcode(s, q, bad ? RCODE_BADCOOKIE : RCODE_NOERROR, &(struct query_extra){.has_ede = false});
	query_finish(s, q, bad ? COUNTER_REFUSED : COUNTER_LOCAL);
	return FATE_ANSWER;
}

/* Types that are no data: what each is answered (RFC 1035 §3.2.3, RFC 8482, RFC 8945, RFC 9824). */
static enum fate screen_type(struct service *s, struct query *q)
{
	switch (q->type) {
	case 0:
	case RRTYPE_OPT:
		return refuse(s, q, RCODE_FORMERR, 0);
	case RRTYPE_NXNAME:
		return refuse(s, q, RCODE_FORMERR, EDE_INVALID_QUERY_TYPE);
	case RRTYPE_AXFR:
	case RRTYPE_IXFR:
	case RRTYPE_TKEY:
	case RRTYPE_TSIG:
		return refuse(s, q, RCODE_REFUSED, EDE_NOT_SUPPORTED);
	case RRTYPE_MAILA:
	case RRTYPE_MAILB:
		return refuse(s, q, RCODE_NOTIMP, EDE_NOT_SUPPORTED);
	default:
		return FATE_NEXT;
	}
}

/* Apart, as most questions are for these types and nothing is odd about them. */
static __attribute__((noinline)) enum fate screen_others(struct service *s, struct query *q)
{
	switch (q->parsed) {
	case MSG_QUERY:
		break;
	case MSG_FORMERR:
		return refuse(s, q, RCODE_FORMERR, 0);
	case MSG_NOTIMP:
		return refuse(s, q, RCODE_NOTIMP, EDE_NOT_SUPPORTED);
	case MSG_COOKIE:
		return give_cookie(s, q);
	case MSG_BADVERS:
		return refuse(s, q, RCODE_BADVERS, 0);
	case MSG_IGNORE:
		query_drop(s, q, COUNTER_DROPPED);
		return FATE_DROP;
	}
	/* Signed under a key that is not shared with us: it can be neither checked nor passed on (RFC 8945 §5.5). */
	if (q->has_tsig)
		return refuse(s, q, RCODE_REFUSED, EDE_NOT_SUPPORTED);
	if (q->class == RRCLASS_CH)
		return query_chaos(s, q);
	if (q->class != RRCLASS_IN)
		return refuse(s, q, RCODE_REFUSED, EDE_NOT_SUPPORTED);
	return screen_type(s, q);
}

enum fate screen_stage(struct service *s, struct query *q)
{
	const bool usual = q->type == RRTYPE_A || q->type == RRTYPE_AAAA || q->type == RRTYPE_HTTPS;

	if (LIKELY(q->parsed == MSG_QUERY && !q->has_tsig && q->class == RRCLASS_IN && usual))
		return FATE_NEXT;
	return screen_others(s, q);
}
