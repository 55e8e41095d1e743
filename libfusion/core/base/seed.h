/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Seeded bugs: build variants that the crash harness must find
 *
 * `if (SEED_BUG(3)) ...` breaks the protocol on purpose, in the build with
 * -DFUSION_SEED_BUGS, when fusion_seed_bug is 3.  In every other build it is
 * constant 0.  tests/crash lists the bugs, and fails when one goes unnoticed:
 * so a clean run means something.
 *
 *    1  heap: run allocation is not undone
 *    2  heap: run free is not redone
 *    3  heap: span intent announced after its stores
 *    4  heap: slab published with a stale map
 *    5  heap: malloc_to without its announcement
 *    6  heap: recovery frees span_lock before the intent is done
 *    7  heap: a shorter run is not redone
 *    8  heap: a longer run is not undone
 *    9  heap: free_from does not mark the block as dying
 *   10  field: add announces only after it has taken the entry
 *   11  field: recovery of remove frees the entry but leaves it in its chain
 *   12  member: a slot is freed before what it held is recovered
 *   13  lock: announced only when it is held
 *   14  lock: the announcement is cleared before the word
 *   15  field: recovery of remove forgets the intent before it is done
 *   16  event: the head moves before the line is written
 *   20  skirmish: unlock wakes nobody
 *   21  skirmish: announced only when it is held
 *   22  skirmish: the announcement is cleared before the word
 *   23  skirmish: wait reads the notify counter after it has let go
 *   24  skirmish: recovery wakes nobody
 *   25  skirmish: a lender is not told of the borrower's death
 *   30  property: announced only when it is taken
 *   31  property: recovery wakes nobody
 *   32  property: giving it back wakes nobody
 *   33  ref: recovery does not check whether it has fallen
 *   34  ref: a row that ends does not make it fall
 *   35  ref: the lock at zero outlives its member
 *   36  ref: recovery forgets a destruction
 *   40  ring: a claim is not announced as claimed
 *   41  ring: recovery leaves the claim of a dead producer
 *   42  ring: recovery of a claim wakes nobody
 *   43  ring: cells are given back from the first to the last
 *   44  ring: recovery of a claim does not go back to CLAIM first
 *   45  reactor: recovery forgets wakes that a dead dispatcher owed
 *   46  reactor: the end is told to nobody
 *   47  reactor: recovery leaves the ring that its last listener left
 *   50  call: a return is not announced
 *   51  call: recovery of an owner leaves its callers
 *   52  call: recovery of a caller leaves its slots
 *   53  call: a call that fails wakes nobody
 *   54  call: recovery forgets what was begun
 *   55  call: a handler's thread forgets the call before it has answered
 *   60  hash: the tag is stored before the value
 *   61  hash: remove forgets its record before it is done
 *   62  vector: the range is stored before the value
 *   63  list: remove records the node after it has unlinked it
 *   64  list: a walk backward ignores what is announced
 *   65  twin: what a dead thread left is not freed
 *   66  hash: the slot of bytes that were inserted is not cleared
 *   67  hash: the slot of bytes that replaced others is not cleared
 *   68  list: a move is announced in one of the lists only
 *   69  list: a walk forward ignores what is announced of a move
 *   70  ref: recovery of a link forgets its count
 *   71  object: recovery leaves a half-made object
 *   72  object: a claim is not announced
 *   73  object: recovery frees an item that is in the chain
 *   74  transfer: the taker is not told how it has ended
 *   75  transfer: readers are not told to look at what is announced
 *   76  transfer: the value that a hash has given is freed
 *   77  transfer: the copy of a key is announced only when it is made
 *
 * Bugs of two living threads that meet (tests/crash/delay.c):
 *
 *   78  transfer: the taker's word is not read again after the giver's
 *   79  transfer: a taker is told that takes from another by now
 *   80  reactor: a listener that is waited for is not moved along
 *   81  thread: a death is not checked against the record's owner
 *   82  table: the lens follows a record that is not in use
 *   83  ref: a hint is believed without its generation
 *   84  table: the lens does not check that its copy is whole
 *   85  message: a queue stays though its member has gone meanwhile
 *   86  bell: after the mark, the full queue is not tried again
 *   87  heap: a slab stays though its pool has gone meanwhile
 *   88  call: an upcall given up while it was copied is executed
 *   89  call: a request HERE given up while it was copied is executed
 *   90  object: the duty's owner is sought before the bit is set
 *   91  member: a joiner that refuses is JOINING until its slot is free
 *   92  pool: what it uses begins at 0, though a late one gives back
 *   93  reactor: a new listener stays though the reactor has gone meanwhile
 *   94  object: a claim is not checked against the record's owner
 *   95  message: a sender that has asked for room does not try again
 *   96  reactor: a listener that says it rests does not check again
 *   97  object: a place that is to be cleared is not looked at under the lock
 *   99  call: a request HERE that was taken is dropped, as its call is gone
 *  101  reactor: a listener before an unfinished record waits for its channel
 *  102  reactor: the end does not wait for an unfinished record
 *  103  reactor: the end is told before what was dispatched
 *  104  table: a free record is the last one before it is linked
 *  105  call: a request HERE that the dead owner had begun is not executed
 *  106  ring: recovery of an opener closes the ring that another has taken
 *  107  message: a new queue is not announced until its member is checked
 *  108  call: a visitor believes that nobody answered, after the owner is gone
 *  109  ring: an opener does not say that it has given the ring an owner
 *  110  reactor: a new listener begins where the end was before it was LIVE
 *  111  reactor: a cursor is taken before it is scanned
 *  112  reactor: the gate is behind the end of the ring
 */
#ifndef FUSION_CORE_SEED_H
#define FUSION_CORE_SEED_H

#ifdef FUSION_SEED_BUGS
extern int fusion_seed_bug;
#define SEED_BUG(n) ((n) == fusion_seed_bug)
#else
#define SEED_BUG(n) 0
#endif

#endif
