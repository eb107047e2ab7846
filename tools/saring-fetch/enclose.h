/* SPDX-License-Identifier: BSD-2-Clause
 *
 * enclose.h - what saring-fetch gives up before it reads the request: any system call but those of a client of the Internet, and
 * any file but what the resolver and TLS want. It writes none. */
#ifndef SARING_FETCH_ENCLOSE_H
#define SARING_FETCH_ENCLOSE_H

/* Nothing under a sanitizer, whose runtime needs more than the program. */
void enclose(void);

#endif
