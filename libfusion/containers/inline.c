/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inline functions of the headers, for languages that cannot read a header
 *
 * Without FUSION_INLINE the bodies in the headers are ordinary functions.  So
 * each body is written once, and the library exports what programs inline.
 */
#define FUSION_INLINE

#include <fusion/container.h>
#include <fusion/hash.h>
