/* SPDX-License-Identifier: BSD-2-Clause
 *
 * output.h - where frames go: a collector's Unix socket or a file, as frame streams (libfstrm). One thread's.
 *
 * A socket is connected to when there is something to send, with the handshake of both sides; a collector that is away, or does not
 * take what it is sent within OUTPUT_WAIT_MS, is tried again after a while that doubles. A file that was moved away is ended and
 * begun anew, one that is there already is moved away first; what a full disk cut off is taken back, so that the file can be read
 * to its end. */
#ifndef SARING_DNSTAP_OUTPUT_H
#define SARING_DNSTAP_OUTPUT_H

#include "base/base.h"

#include <sys/types.h>
#include <sys/uio.h>

#define OUTPUT_WAIT_MS 1000
#define OUTPUT_RETRY_MS 100 /* after the first failure */
#define OUTPUT_RETRY_MAX_MS 10000
#define OUTPUT_BATCH 64 /* frames in one call */
#define OUTPUT_MODE 0640

enum output_kind { OUTPUT_SOCKET, OUTPUT_FILE };

struct output;
MUST_CHECK struct output *output_create(enum output_kind kind, const char *path, gid_t group);
void output_destroy(struct output *o); /* takes NULL; ends the stream */

/* False: they are lost, and output_error says why. Waits OUTPUT_WAIT_MS at most for each step, and does not even try while the
 * collector is given a rest. */
MUST_CHECK bool output_send(struct output *o, const struct iovec *frames, unsigned count);
/* Once in a while: connects, opens, or goes to the new file when the old one was moved away. */
void output_tick(struct output *o);
const char *output_error(const struct output *o); /* "": it is open */
const char *output_path(const struct output *o);
enum output_kind output_kind_of(const struct output *o);

#endif
