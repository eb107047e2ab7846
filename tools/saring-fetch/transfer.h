/* SPDX-License-Identifier: BSD-2-Clause
 *
 * transfer.h - one list over HTTP or HTTPS with libcurl: redirects followed by our own rules (hops.h), sizes and times bounded,
 * the body handed on as it comes. */
#ifndef SARING_FETCH_TRANSFER_H
#define SARING_FETCH_TRANSFER_H

#include "base/base.h"
#include "ctl/download.h"

/* Write to fd the frames of what was asked for, but for the end, which is left in *ret_end. False when nobody reads at fd any
 * more. */
MUST_CHECK bool transfer_run(const struct download_request *request, int fd, struct download_end *ret_end);
/* A whole frame. False when nobody reads. */
MUST_CHECK bool transfer_put(int fd, enum download_kind kind, struct str payload);

#endif
