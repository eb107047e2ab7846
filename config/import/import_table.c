/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The reader of each format. YAML has one of its own kind (segment_yaml.c). */
#include "import/segment_build.h"

void import_run(struct import *im, struct str text)
{
	switch (im->segment->format) {
	case FORMAT_HOSTS:
		import_hosts(im, text);
		return;
	case FORMAT_DOMAINS:
		import_domains(im, text);
		return;
	case FORMAT_WILDCARD:
		import_wildcard(im, text);
		return;
	case FORMAT_ADBLOCK:
		import_adblock(im, text);
		return;
	case FORMAT_DNSMASQ:
		import_dnsmasq(im, text);
		return;
	case FORMAT_UNBOUND:
		import_unbound(im, text);
		return;
	case FORMAT_RPZ:
		import_rpz(im, text);
		return;
	case FORMAT_AUTO:
	case FORMAT_YAML:
		break;
	}
	must(false);
}
