/* SPDX-License-Identifier: BSD-2-Clause
 *
 * msg_copy.c - the part of msg.h that writes a record read elsewhere: the form of each type's RDATA is one row of a table. */
#include "wire/msg.h"

/* What RDATA consists of, a letter for each field:
 *   n  a name that is packed again (the types of RFC 1035)
 *   d  a name that is decompressed, and written as it is (RFC 3597 §4)
 *   u  a name that must not be compressed: a pointer there would lead elsewhere in the copy, so it is refused
 *   1 2 4  so many octets
 *   s  a character-string: a length octet and so many octets
 *   S  character-strings to the end, one at least
 *   *  whatever follows, nothing too */
static const char *form_of(uint16_t type, uint16_t class)
{
	switch (type) {
	case RRTYPE_NS:
	case RRTYPE_MD:
	case RRTYPE_MF:
	case RRTYPE_CNAME:
	case RRTYPE_MB:
	case RRTYPE_MG:
	case RRTYPE_MR:
	case RRTYPE_PTR:
		return "n";
	case RRTYPE_SOA:
		return "nn44444";
	case RRTYPE_MINFO:
		return "nn";
	case RRTYPE_MX:
		return "2n";
	case RRTYPE_DNAME:
		return "d";
	case RRTYPE_RP:
		return "dd";
	case RRTYPE_AFSDB:
	case RRTYPE_RT:
	case RRTYPE_KX:
		return "2d";
	case RRTYPE_PX:
		return "2dd";
	case RRTYPE_SIG:
		return "2114442d*";
	case RRTYPE_NXT:
		return "d*";
	case RRTYPE_RRSIG: /* RFC 4034 §3.1.7 */
		return "2114442u*";
	case RRTYPE_NSEC: /* RFC 4034 §4.1.1 */
		return "u*";
	case RRTYPE_SVCB: /* RFC 9460 §2.2 */
	case RRTYPE_HTTPS:
		return "2u*";
	case RRTYPE_SRV:
		return "222d";
	case RRTYPE_NAPTR:
		return "22sssd";
	case RRTYPE_HINFO:
		return "ss";
	case RRTYPE_TXT:
	case RRTYPE_SPF:
		return "S";
	/* other classes give these types other forms */
	case RRTYPE_A:
		return class == RRCLASS_IN ? "4" : "*";
	case RRTYPE_AAAA:
		return class == RRCLASS_IN ? "4444" : "*";
	}
	return "*";
}

static bool copy_name(struct wr *w, struct name_packer *p, struct rd *r, bool pack)
{
	struct name name;
	if (!name_read(r, &name))
		return false;
	p->work += name.len; /* it was read whole, though two octets may be all that is written of it */
	if (pack)
		name_write_packed(w, p, &name);
	else
		name_write(w, &name);
	return true;
}

static bool copy_plain_name(struct wr *w, struct rd *r)
{
	struct name name;
	if (!name_read_plain(r, &name))
		return false;
	name_write(w, &name);
	return true;
}

static void copy_octets(struct wr *w, struct rd *r, size_t len)
{
	const uint8_t *octets = rd_bytes(r, len);
	if (octets != NULL)
		wr_bytes(w, octets, len);
}

static void copy_string(struct wr *w, struct rd *r)
{
	if (rd_left(r) == 0) {
		r->bad = true;
		return;
	}
	copy_octets(w, r, 1u + r->base[r->pos]);
}

static bool copy_rdata(struct wr *w, struct name_packer *p, struct rd *r, const char *form)
{
	for (; *form != '\0' && rd_ok(r) && !w->full; form++) {
		switch (*form) {
		case 'n':
		case 'd':
			if (!copy_name(w, p, r, *form == 'n'))
				return false;
			break;
		case 'u':
			if (!copy_plain_name(w, r))
				return false;
			break;
		case 's':
			copy_string(w, r);
			break;
		case 'S':
			do {
				copy_string(w, r);
			} while (rd_left(r) > 0);
			break;
		case '*':
			copy_octets(w, r, rd_left(r));
			break;
		case '1':
		case '2':
		case '4':
			copy_octets(w, r, (size_t)(*form - '0'));
			break;
		}
	}
	/* with a writer that is full the form is not known to its end: the record is lost anyway */
	return rd_ok(r) && (w->full || rd_left(r) == 0);
}

bool msg_copy_rr(struct wr *w, struct name_packer *p, const struct rd *in, const struct msg_rr *rr, uint32_t ttl_s,
		 size_t *ret_ttl_pos)
{
	if (rr->rdata_pos > in->len || in->len - rr->rdata_pos < rr->rdata_len)
		return false;
	struct rd rdata = {.base = in->base, .len = rr->rdata_pos + rr->rdata_len, .pos = rr->rdata_pos};
	name_write_packed(w, p, &rr->owner);
	wr_u16(w, rr->type);
	wr_u16(w, rr->class);
	size_t ttl_pos = wr_mark(w);
	wr_u32(w, ttl_s);
	wr_u16(w, 0);
	size_t start = wr_mark(w);
	if (!copy_rdata(w, p, &rdata, form_of(rr->type, rr->class)))
		return false;
	if (w->full)
		return true;
	if (w->pos - start > UINT16_MAX)
		return false; /* grew by decompression */
	wr_patch_u16(w, start - 2, (uint16_t)(w->pos - start));
	*ret_ttl_pos = ttl_pos;
	return true;
}
