/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * The version of Fusion: of these headers, and of the running library.
 *
 * The macros say which headers the program was compiled with.
 * fusion_version() says which library the program runs with.  The two differ
 * when the library was updated after the program was built; that is fine as
 * long as the library's soname is the one the program was linked with.  A
 * program that also runs with older libraries asks fusion_supports() before it
 * uses what is new.
 */
#ifndef FUSION_VERSION_H
#define FUSION_VERSION_H

#include <fusion/types.h>

FUSION_BEGIN_DECLS

/** Changes when a program has to be adapted. */
#define FUSION_VERSION_MAJOR 0
/** Changes when functions are added. */
#define FUSION_VERSION_MINOR 1
/** Changes with every other release. */
#define FUSION_VERSION_PATCH 0

#define FUSION_VERSION_TEXT_(number) #number
#define FUSION_VERSION_JOIN_(major, minor, patch) \
	FUSION_VERSION_TEXT_(major)               \
	"." FUSION_VERSION_TEXT_(minor) "." FUSION_VERSION_TEXT_(patch)

/** The three numbers as a string literal, for example "1.2.3". */
#define FUSION_VERSION_STRING                                            \
	FUSION_VERSION_JOIN_(FUSION_VERSION_MAJOR, FUSION_VERSION_MINOR, \
			     FUSION_VERSION_PATCH)

/**
 * Get the version of the running library.
 *
 * @return the version as MAJOR.MINOR.PATCH: a static string, never NULL
 *
 * Any thread, in or out of an arena, also a signal handler.  Does not block.
 */
FUSION_API const char *fusion_version(void);

/**
 * Tell whether the running library has a feature.
 *
 * @param feature  a word of this table
 *
 *   arena-manual   FUSION_ENTER_MANUAL, fusion_arena_fd(),
 *                  fusion_arena_dispatch()
 *   arena-role     fusion_arena_role()
 *   field-check    fusion_field_lookup() checks size and type
 *
 * @return true if it has; false if not, and for a word that it does not know,
 *         and for NULL
 *
 * A word that was true once stays true while MAJOR is the same.
 *
 * Any thread, in or out of an arena, also a signal handler.  Does not block.
 */
FUSION_API bool fusion_supports(const char *feature);

FUSION_END_DECLS

#endif
