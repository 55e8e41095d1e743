/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fusion/version.h>

#include <assert.h>

/* FUSION_VERSION is meson's project_version().  A release that changes one of
 * the two must not compile without the other. */
static_assert(!__builtin_strcmp(FUSION_VERSION_STRING, FUSION_VERSION),
	      "the version in meson.build is not that of fusion/version.h");

FUSION_API const char *fusion_version(void)
{
	return FUSION_VERSION_STRING;
}
