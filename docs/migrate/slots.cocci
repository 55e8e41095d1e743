// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Slots, from the API before 0.1 to that of 0.1:
//
//   spatch --sp-file docs/migrate/slots.cocci --in-place -I include FILE...
//
// A function that was set for leave notices, for a type of messages or for the
// falls of a reference is subscribed.  The rules below give neither a destroy function nor a place for
// the slot, so the subscription lasts until the process exits the arena.
//
// By hand: a call whose function is NULL, or is set for the second time, cancels
// the slot of the first call (fusion_slot_cancel()).

@@
expression A, C;
expression F != NULL;
@@
- fusion_arena_on_leave(A, F, C)
+ fusion_arena_on_leave(A, F, C, NULL, NULL)

@@
expression A, T, C;
expression F != NULL;
@@
- fusion_message_handle(A, T, F, C)
+ fusion_message_handle(A, T, F, C, NULL, NULL)

@@
expression R, C;
expression F != NULL;
@@
- fusion_ref_watch(R, F, C)
+ fusion_ref_watch(R, F, C, NULL, NULL)
