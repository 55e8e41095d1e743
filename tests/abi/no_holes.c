/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * No public struct has padding: a byte that nobody sets can never get a
 * meaning.  no_holes compiles this file, and the compiler names each hole.
 * clang looks only at structs whose size is asked for; gcc looks at all.
 */
#include <fusion/fusion.h>
#include <fusion/object_methods.h>

#ifdef PLANT_A_HOLE
struct fusion_with_a_hole {
	uint64_t whole;
	uint32_t half;
};
typedef char holed[sizeof(struct fusion_with_a_hole)];
#endif
