/* SPDX-License-Identifier: BSD-2-Clause
 *
 * offline.h - a world made of the files alone, for one question, and gone: what saringd would answer if it were started now. Serves
 * nobody, opens no port, writes nothing but into a directory of its own below the one for temporary files, which is removed.
 *
 * The lists are compiled by the same saring-compile. When the newest image in the state directory can be read and is what a compile
 * would give (rebuild/kept.h), it is used as it is, as saringd does at its start; else the generation is the next one, or 1 where
 * nobody may look. The reply is the control protocol's (ctl/proto.h), made by the same commands. Main thread, once in a process's
 * life. */
#ifndef SARING_OFFLINE_H
#define SARING_OFFLINE_H

#include "base/base.h"

#include <jansson.h>

/* Do what request (borrowed) asks: one of the verbs of admin/commands.h that only look. Always a reply. */
MUST_CHECK json_t *offline_answer(const char *config_path, json_t *request);

#endif
