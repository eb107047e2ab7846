/* SPDX-License-Identifier: BSD-2-Clause
 *
 * encode.h - a frame of a worker's ring as a message of dnstap (dnstap.proto). Any thread. */
#ifndef SARING_DNSTAP_ENCODE_H
#define SARING_DNSTAP_ENCODE_H

#include "base/base.h"
#include "base/buf.h"
#include "observe/frames.h"

struct encode_as {
	const char *identity, *version; /* "": not told */
};

/* Adds it to ret, as far as the frame's privacy lets it be told; returns how many octets it takes. Where that is not full, what
 * follows the answer's records is cut off the messages, as the EDNS options there tell of the client. */
size_t encode_frame(const struct frame *frame, const struct encode_as *as, struct buf *ret);

#endif
