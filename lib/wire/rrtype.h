/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rrtype.h - types, classes, opcodes, rcodes, EDNS options and extended error codes, each from one table. Any thread. */
#ifndef SARING_WIRE_RRTYPE_H
#define SARING_WIRE_RRTYPE_H

#include "base/base.h"
#include "base/str.h"

/* clang-format off */
#define RRTYPE_TABLE(X)                                                                                                     \
	X(A, 1) X(NS, 2) X(MD, 3) X(MF, 4) X(CNAME, 5) X(SOA, 6) X(MB, 7) X(MG, 8) X(MR, 9) X(NULL, 10) X(WKS, 11)               \
	X(PTR, 12) X(HINFO, 13) X(MINFO, 14) X(MX, 15) X(TXT, 16) X(RP, 17) X(AFSDB, 18) X(X25, 19) X(ISDN, 20) X(RT, 21)        \
	X(SIG, 24) X(KEY, 25) X(PX, 26) X(AAAA, 28) X(LOC, 29) X(NXT, 30) X(SRV, 33) X(NAPTR, 35) X(KX, 36) X(CERT, 37)          \
	X(DNAME, 39) X(OPT, 41) X(APL, 42) X(DS, 43) X(SSHFP, 44) X(IPSECKEY, 45) X(RRSIG, 46) X(NSEC, 47) X(DNSKEY, 48)         \
	X(DHCID, 49) X(NSEC3, 50) X(NSEC3PARAM, 51) X(TLSA, 52) X(SMIMEA, 53) X(HIP, 55) X(CDS, 59) X(CDNSKEY, 60)               \
	X(OPENPGPKEY, 61) X(CSYNC, 62) X(ZONEMD, 63) X(SVCB, 64) X(HTTPS, 65) X(SPF, 99) X(NXNAME, 128) X(EUI48, 108)            \
	X(EUI64, 109) X(TKEY, 249) X(TSIG, 250) X(IXFR, 251) X(AXFR, 252) X(MAILB, 253) X(MAILA, 254) X(ANY, 255)                \
	X(URI, 256) X(CAA, 257) X(RESINFO, 261)
/* clang-format on */

enum rrtype {
#define X(name, value) RRTYPE_##name = value,
	RRTYPE_TABLE(X)
#undef X
};

enum rrclass { RRCLASS_IN = 1, RRCLASS_CH = 3, RRCLASS_HS = 4, RRCLASS_NONE = 254, RRCLASS_ANY = 255 };

enum opcode { OPCODE_QUERY = 0, OPCODE_IQUERY = 1, OPCODE_STATUS = 2, OPCODE_NOTIFY = 4, OPCODE_UPDATE = 5, OPCODE_DSO = 6 };

enum rcode {
	RCODE_NOERROR = 0,
	RCODE_FORMERR = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_YXDOMAIN = 6,
	RCODE_NOTAUTH = 9,
	RCODE_BADVERS = 16, /* 16 and up need the OPT's high bits */
	RCODE_BADCOOKIE = 23,
};

enum edns_option {
	EDNS_NSID = 3,
	EDNS_ECS = 8,
	EDNS_COOKIE = 10,
	EDNS_KEEPALIVE = 11,
	EDNS_PADDING = 12,
	EDNS_EDE = 15,
	EDNS_SDE = 26
};

/* RFC 8914 and its registry. */
enum ede {
	EDE_STALE = 3,
	EDE_CACHED_ERROR = 13,
	EDE_NOT_READY = 14,
	EDE_BLOCKED = 15,
	EDE_CENSORED = 16,
	EDE_FILTERED = 17,
	EDE_PROHIBITED = 18,
	EDE_STALE_NXDOMAIN = 19,
	EDE_NOT_AUTHORITATIVE = 20,
	EDE_NOT_SUPPORTED = 21,
	EDE_NO_REACHABLE_AUTHORITY = 22,
	EDE_NETWORK_ERROR = 23,
	EDE_INVALID_DATA = 24,
	EDE_INVALID_QUERY_TYPE = 30,
};

#define RRTYPE_TEXT_MAX 16
/* "AAAA", or "TYPE1234" (RFC 3597) for what has no name here. Returns buf. */
char *rrtype_to_text(uint16_t type, char buf[RRTYPE_TEXT_MAX]);
MUST_CHECK bool rrtype_from_text(struct str text, uint16_t *ret); /* any case, TYPE1234 too */

#define RCODE_TEXT_MAX 12
/* "NXDOMAIN", or "RCODE12" for what has no name. Returns buf. */
char *rcode_to_text(uint16_t rcode, char buf[RCODE_TEXT_MAX]);

#endif
