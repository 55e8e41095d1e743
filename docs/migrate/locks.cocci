// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Skirmishes and properties: from the API before 0.1 to that of 0.1
//
//   spatch --sp-file docs/migrate/locks.cocci --in-place --very-quiet \
//          -I include FILE...
//
// The rules, in their order:
//
//  1. fusion_skirmish_create() took flags.  It now takes options: NULL where
//     the flags were 0, else a struct fusion_skirmish_options with these flags.
//  2. fusion_property_state() is fusion_property_stat(), and takes the size of
//     the caller's struct.  The struct's name changes, too.
//  3. fusion_skirmish_lock_count() returned the number of levels.  It now
//     returns 0 or an error, and stores the number.
//
// Not done here, because a rule cannot know what the program means:
//
//  - fusion_skirmish_dismiss() does not clear the mark of a dead owner any
//    more: a thread that got -EOWNERDEAD calls fusion_skirmish_consistent()
//    when it has repaired the data, or locks with
//    fusion_skirmish_prevail_mend().
//  - fusion_skirmish_consistent() without a mark is -EALREADY, it was -EINVAL.
//    Too many locks are -ENOLCK, they were -EMFILE.
//  - The compiler warns where the result of a function that takes a lock is
//    ignored.

// --- 1. Options to create a skirmish

@@
expression a, n, r;
@@
 fusion_skirmish_create(a, n,
-	0,
+	NULL,
	r)

@@
expression a, n, f, o, r;
struct fusion_skirmish_options *p;
@@
(
 fusion_skirmish_create(a, n, NULL, r)
|
 fusion_skirmish_create(a, n, &o, r)
|
 fusion_skirmish_create(a, n, p, r)
|
 fusion_skirmish_create(a, n,
-	f,
+	&(struct fusion_skirmish_options){.size = sizeof(struct fusion_skirmish_options), .flags = f},
	r)
)

// --- 2. The state of a property

@@
@@
-struct fusion_property_state
+struct fusion_property_stat

@@
expression p;
@@
-fusion_property_state(p, NULL)
+fusion_property_stat(p, NULL, 0)

@@
expression p, s;
@@
-fusion_property_state(p, &s)
+fusion_property_stat(p, &s, sizeof(s))

@@
expression p, s;
@@
-fusion_property_state(p, s)
+fusion_property_stat(p, s, sizeof(*s))

// --- 3. The number of levels

@@
identifier n;
expression s;
@@
-int n = fusion_skirmish_lock_count(s);
+uint64_t levels = 0;
+int error = fusion_skirmish_lock_count(s, &levels);
+int n = error ? error : (int)levels;
