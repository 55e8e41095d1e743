/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fusion/version.h>

#include <assert.h>
#include <string.h>

/* FUSION_VERSION is meson's project_version().  A release that changes one of
 * the two must not compile without the other. */
static_assert(!__builtin_strcmp(FUSION_VERSION_STRING, FUSION_VERSION),
	      "the version in meson.build is not that of fusion/version.h");

FUSION_API const char *fusion_version(void)
{
	return FUSION_VERSION_STRING;
}

/* The table in fusion/version.h describes each of them. */
static const char *const features[] = {
	"arena-manual",
	"arena-role",
	"field-check",
};

FUSION_API bool fusion_supports(const char *feature)
{
	for (unsigned i = 0; i < sizeof(features) / sizeof(*features); i++)
		if (feature && !strcmp(feature, features[i]))
			return true;
	return false;
}
