/* SPDX-License-Identifier: BSD-2-Clause
 *
 * structured.h - what a client that asks for structured DNS errors finds in the EXTRA-TEXT of a block's extended error
 * (draft-ietf-dnsop-structured-dns-error): one object of I-JSON (RFC 7493), minified, made when the policy is compiled. Its names,
 * here and nowhere else: c contacts, j justification, s sub-error, o organization, l language. Any thread. */
#ifndef SARING_COMPILE_STRUCTURED_H
#define SARING_COMPILE_STRUCTURED_H

#include "base/buf.h"
#include "policy/image.h"
#include "settings/settings.h"

/* How much of it is sent. Over UDP the first that fits: j goes first, then o and with it l, which speaks of these two alone. */
enum structured_form {
	STRUCTURED_WHOLE,
	STRUCTURED_LESS,  /* without j */
	STRUCTURED_LEAST, /* without j, o and l */
};
#define STRUCTURED_FORMS 3

#define STRUCTURED_UNDETERMINED "und" /* l, where nobody says the language: RFC 5646 §4.1 has it for just that */

/* said: what holds for an entry, all levels taken together; block: settings, for what none of them says. Of each name:
 *   c   the contacts a client takes, mailto: and tel: URIs; where `said` has none of these, those of block:
 *   j   the reason; where there is none the reference, and the authority if it is not `o`
 *   s   the sub-error, where the code takes it
 *   o   the organization; where nobody says one, the authority
 *   l   the language of j and o, with one of these only
 * Texts are one line, with nothing that steers a terminal or is no character; long ones are cut, at a character.
 * ret   appended to: at most IMAGE_STRUCTURED_MAX bytes
 * Returns false, and leaves ret as it was, when nothing would be left that a client may look at: neither c, j nor s. */
bool structured_compose(const struct provenance *said, enum code code, const struct settings *block, enum structured_form form,
			struct buf *ret);

#endif
