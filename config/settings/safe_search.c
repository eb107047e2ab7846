/* SPDX-License-Identifier: BSD-2-Clause */
#include "settings/safe_search.h"

#include <assert.h>
#include <string.h>

#include "wire/rrtype.h"

const char *const safe_search_words[] = {"google", "bing",    "youtube", "youtube-moderate", "duckduckgo", "ecosia",
					 "yandex", "pixabay", NULL};
static_assert(ARRAY_LEN(safe_search_words) == SAFE_ENGINES + 1, "a word for each engine");

/* How an engine's names are told. */
enum shape {
	SHAPE_NAME, /* this very name, and with www before it */
	SHAPE_LONE, /* this very name alone */
	SHAPE_LAND, /* `text` and one of the countries' ends, and with www before it */
};

struct place {
	enum safe_engine engine;
	enum shape shape;
	const char *text;
	const char *const *ends; /* of LAND */
};

/* google.ENDS: each country where Google has a search page, and com. */
static const char *const google_ends[] = {
    "com",    "ac",	"ad",	  "ae",	    "al",     "am",	"as",	  "at",	    "az",     "ba",	"be",	  "bf",
    "bg",     "bi",	"bj",	  "bs",	    "bt",     "by",	"ca",	  "cat",    "cc",     "cd",	"cf",	  "cg",
    "ch",     "ci",	"cl",	  "cm",	    "cn",     "co.ao",	"co.bw",  "co.ck",  "co.cr",  "co.id",	"co.il",  "co.in",
    "co.jp",  "co.ke",	"co.kr",  "co.ls",  "co.ma",  "co.mz",	"co.nz",  "co.th",  "co.tz",  "co.ug",	"co.uk",  "co.uz",
    "co.ve",  "co.vi",	"co.za",  "co.zm",  "co.zw",  "com.af", "com.ag", "com.ai", "com.ar", "com.au", "com.bd", "com.bh",
    "com.bn", "com.bo", "com.br", "com.bz", "com.co", "com.cu", "com.cy", "com.do", "com.ec", "com.eg", "com.et", "com.fj",
    "com.gh", "com.gi", "com.gt", "com.hk", "com.jm", "com.kh", "com.kw", "com.lb", "com.lc", "com.ly", "com.mm", "com.mt",
    "com.mx", "com.my", "com.na", "com.nf", "com.ng", "com.ni", "com.np", "com.om", "com.pa", "com.pe", "com.pg", "com.ph",
    "com.pk", "com.pr", "com.py", "com.qa", "com.sa", "com.sb", "com.sg", "com.sl", "com.sv", "com.tj", "com.tr", "com.tw",
    "com.ua", "com.uy", "com.vc", "com.vn", "cv",     "cz",	"de",	  "dj",	    "dk",     "dm",	"dz",	  "ee",
    "es",     "fi",	"fm",	  "fr",	    "ga",     "ge",	"gf",	  "gg",	    "gl",     "gm",	"gp",	  "gr",
    "gy",     "hn",	"hr",	  "ht",	    "hu",     "ie",	"im",	  "io",	    "iq",     "is",	"it",	  "je",
    "jo",     "kg",	"ki",	  "kz",	    "la",     "li",	"lk",	  "lt",	    "lu",     "lv",	"md",	  "me",
    "mg",     "mk",	"ml",	  "mn",	    "ms",     "mu",	"mv",	  "mw",	    "ne",     "nl",	"no",	  "nr",
    "nu",     "pl",	"pn",	  "ps",	    "pt",     "ro",	"rs",	  "ru",	    "rw",     "sc",	"se",	  "sh",
    "si",     "sk",	"sm",	  "sn",	    "so",     "sr",	"st",	  "td",	    "tg",     "tk",	"tl",	  "tm",
    "tn",     "to",	"tt",	  "us",	    "vg",     "vu",	"ws",	  NULL};
static const char *const yandex_ends[] = {"ru",	    "com",    "by",	"kz",	 "ua", "uz", "az", "com.am",
					  "com.ge", "com.tr", "com.ru", "co.il", "ee", "eu", "fi", "fr",
					  "kg",	    "lt",     "lv",	"md",	 "pl", "tj", "tm", NULL};

static const struct place places[] = {
    {SAFE_GOOGLE, SHAPE_LAND, "google", google_ends},
    {SAFE_BING, SHAPE_NAME, "bing.com", NULL},
    {SAFE_BING, SHAPE_LONE, "edgeservices.bing.com", NULL},
    {SAFE_YOUTUBE, SHAPE_NAME, "youtube.com", NULL},
    {SAFE_YOUTUBE, SHAPE_LONE, "m.youtube.com", NULL},
    {SAFE_YOUTUBE, SHAPE_LONE, "youtubei.googleapis.com", NULL},
    {SAFE_YOUTUBE, SHAPE_LONE, "youtube.googleapis.com", NULL},
    {SAFE_YOUTUBE, SHAPE_NAME, "youtube-nocookie.com", NULL},
    {SAFE_DUCKDUCKGO, SHAPE_NAME, "duckduckgo.com", NULL},
    {SAFE_DUCKDUCKGO, SHAPE_LONE, "start.duckduckgo.com", NULL},
    {SAFE_DUCKDUCKGO, SHAPE_LONE, "noai.duckduckgo.com", NULL},
    {SAFE_ECOSIA, SHAPE_NAME, "ecosia.org", NULL},
    {SAFE_YANDEX, SHAPE_LAND, "yandex", yandex_ends},
    {SAFE_YANDEX, SHAPE_NAME, "ya.ru", NULL},
    {SAFE_PIXABAY, SHAPE_NAME, "pixabay.com", NULL},
};

/* Does name go on at `at` with these labels, and to the end of it? text: as people write it, no final dot. */
static bool ends_as(const struct name *name, size_t at, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, ".");
		if (name->wire[at] != len || memcmp(name->wire + at + 1, text, len) != 0)
			return false;
		at += 1 + len;
		text += len + (text[len] == '.');
	}
	return name->wire[at] == 0;
}

static bool is_in_land(const struct name *name, size_t at, const struct place *place)
{
	size_t len = strlen(place->text);
	if (name->wire[at] != len || memcmp(name->wire + at + 1, place->text, len) != 0)
		return false;
	for (const char *const *end = place->ends; *end != NULL; end++)
		if (ends_as(name, at + 1 + len, *end))
			return true;
	return false;
}

static bool is_of(const struct name *name, size_t bare_at, const struct place *place)
{
	switch (place->shape) {
	case SHAPE_NAME:
		return ends_as(name, bare_at, place->text);
	case SHAPE_LONE:
		return ends_as(name, 0, place->text);
	case SHAPE_LAND:
		return is_in_land(name, bare_at, place);
	}
	return false;
}

enum safe_engine safe_search_find(uint32_t mask, const struct name *name)
{
	static const uint8_t www[4] = {3, 'w', 'w', 'w'};
	bool has_www = memcmp(name->wire, www, sizeof(www)) == 0;
	size_t bare_at = has_www ? sizeof(www) : 0;

	if (name->labels < 2 || name->labels > 4)
		return SAFE_ENGINES;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		const struct place *place = &places[i];
		/* Of the label that a place begins with, one octet tells nearly all names. */
		if (name->wire[(place->shape == SHAPE_LONE ? 0 : bare_at) + 1] != (uint8_t)place->text[0])
			continue;
		enum safe_engine engine = place->engine;
		if (engine == SAFE_YOUTUBE && (mask & SAFE_BIT(SAFE_YOUTUBE)) == 0)
			engine = SAFE_YOUTUBE_MODERATE;
		if ((mask & SAFE_BIT(engine)) != 0 && is_of(name, bare_at, place))
			return engine;
	}
	return SAFE_ENGINES;
}

bool safe_search_leads(uint16_t type)
{
	return type == RRTYPE_A || type == RRTYPE_AAAA || type == RRTYPE_HTTPS || type == RRTYPE_SVCB || type == RRTYPE_ANY;
}

void safe_search_host(enum safe_engine engine, struct name *ret)
{
	static const char *const hosts[] = {"forcesafesearch.google.com", "strict.bing.com",
					    "restrict.youtube.com",	  "restrictmoderate.youtube.com",
					    "safe.duckduckgo.com",	  "strict-safe-search.ecosia.org",
					    "familysearch.yandex.ru",	  "safesearch.pixabay.com"};
	static_assert(ARRAY_LEN(hosts) == SAFE_ENGINES, "a host for each engine");
	must(engine < SAFE_ENGINES && name_from_text(str_from(hosts[engine]), ret, NULL));
}
