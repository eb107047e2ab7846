/* SPDX-License-Identifier: BSD-2-Clause
 *
 * enclose.h - what saring-compile gives up once it knows which files it is about, and before it reads the first list: any system
 * call but those that read and write files, and any file but the lists, what the configuration keeps, and what it was told to
 * write. A stranger's text that takes the program over has nothing to take. */
#ifndef SARING_COMPILE_ENCLOSE_H
#define SARING_COMPILE_ENCLOSE_H

#include "base/base.h"
#include "saring-compile/work.h"
#include "settings/settings.h"

struct enclosure {
	unsigned landlock; /* its ABI; 0: none */
	bool seccomp;
};

/* settings: NULL for a probe. Nothing under a sanitizer, whose runtime needs more than the program. */
struct enclosure enclose(const struct options *options, const struct settings *settings);

#endif
