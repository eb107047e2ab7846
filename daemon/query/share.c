/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/share.h"

#include "base/rand.h"

#include <string.h>

void share_init(struct share *s)
{
	memset(s->rows, 0, sizeof(s->rows));
	rand_bytes(&s->key, sizeof(s->key));
}
