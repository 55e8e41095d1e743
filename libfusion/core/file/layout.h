/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Layout of an arena's backing file: every shared byte is declared here
 *
 * The file is `span` bytes, sparse, and mapped at superblock.base by members;
 * the daemon and post-mortem tools map it anywhere.  So the metadata holds no
 * pointers: it names things by byte offset from the start or by index.  (Users'
 * own data holds plain pointers, which the fixed base makes valid.)
 *
 *   0         superblock            4 KiB
 *   events    ring of text lines    EVENTS * sizeof(struct event_rec)
 *   members   one record a slot     slot 0 is the undertaker's (the daemon)
 *   threads   one record a slot     slot 0 is the undertaker's
 *   tables    one for each kind of named things: records, then the
 *             heads of their chains
 *   fallen    one bit for each object
 *   rows      one local count of a reference by a member each
 *   slots     one place for the answer of a call each
 *   rings     one struct ring_ctl for each ring
 *   ring_mem  the rings themselves: queues of members and of reactors
 *   words     one 64-bit word per 64 KiB span: the truth about the heap
 *   descs     one descriptor per span
 *   spans     the heap
 *
 * Positions follow from span and max_members alone (geometry.c); the
 * superblock repeats them so that a reader can compare.  Invariant: everything
 * above a `hi` mark is a hole in the file.  A thread reserves memory
 * (view_reserve) before it moves a mark, and accesses nothing above a mark: a
 * read of a hole allocates a page, and on a full tmpfs that is SIGBUS.
 *
 * Records in the tables are type-stable: their bytes are never anything else
 * while the file lives.  A new life of an arena gets a new file, so that a
 * process wrongly thought dead cannot write into its successor.
 *
 * Change a struct here and FUSION_FORMAT goes up.
 */
#ifndef FUSION_CORE_LAYOUT_H
#define FUSION_CORE_LAYOUT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define FUSION_MAGIC 0x0a4e4f4953554601ull
#define FUSION_FORMAT 8u

#define ARENA_NAME_MAX 63 /* bytes, without the NUL */
#define ENTRY_NAME_MAX 63 /* of a field, a skirmish ... */
#define FIELD_TYPE_MAX 39

#define SPAN_MIN (16ull << 20)
#define SPAN_MAX (64ull << 30)
#define SPAN_DEFAULT (4ull << 30)
#define MEMBERS_DEFAULT 1024u
#define MEMBERS_MAX 8192u
#define EVENTS 512u

/* The one range free for plain, ASan, TSan and MSan builds, and its slots. */
#define WINDOW_BASE 0x550000000000ull
#define WINDOW_END 0x555500000000ull
#define WINDOW_SLOT (4ull << 30)

typedef uint64_t off_arena_t; /* byte offset in the file, 0 is "none" */

/*
 * A lock for the tables of core (lock.h).  word: 0 free, else the owner's
 * token, plus CORE_LOCK_WAIT when a thread may sleep on it.
 * Dead owner: its thread record lists the lock in core_locks[].  Recovery first
 * undoes or redoes the intent, then frees the word and wakes all.
 */
struct core_lock {
	uint32_t word; /* atomic, futex */
	uint32_t pad;
};

#define CORE_LOCK_WAIT 0x80000000u
#define TOKEN_MASK 0x3fffffffu

/* 30-bit identity of a thread: slot and the generation of its record.  Never
 * 0: generations run from 1. */
#define TOKEN(slot, gen) ((uint32_t)(slot) << 14 | ((uint32_t)(gen)&0x3fff))
#define TOKEN_SLOT(token) (((token)&TOKEN_MASK) >> 14)
#define TOKEN_GEN(token) ((token)&0x3fff)

enum arena_state {
	ARENA_EMPTY = 0,	 /* formatted, nobody inside */
	ARENA_INITIALIZING = 1,	 /* the master runs initialize() */
	ARENA_RUNNING = 2,	 /* joinable */
	ARENA_SHUTTING_DOWN = 3, /* the last one runs shutdown() */
	ARENA_CORRUPT = 4,	 /* the daemon gave up on it */
	ARENA_GONE = 5,		 /* this file has been replaced or removed */
};

enum member_state {
	MEMBER_FREE = 0,
	MEMBER_JOINING = 1, /* slot taken; maps, runs initialize() or join() */
	MEMBER_ALIVE = 2,
	MEMBER_LEAVING = 3, /* runs leave() or shutdown() */
	/* Found dead, or goes without having been LEAVING.  Recovery has begun,
	 * and may not have ended. */
	MEMBER_DEAD = 4,
};

/* superblock.flags */
#define ARENA_TRANSIENT 0x1u /* made by entering: vanishes when empty */
#define ARENA_DOOMED 0x2u    /* the master of a `kill` arena died: kill all */

/* superblock.on_master_death */
#define MASTER_DEATH_NOTIFY 0u
#define MASTER_DEATH_KILL 1u
#define MASTER_DEATH_PROMOTE 2u

/* Kinds of named things, each with a table of its own (table.h). */
enum entry_kind {
	KIND_FIELD = 0,
	KIND_SKIRMISH = 1,
	KIND_REF = 2,
	KIND_PROPERTY = 3,
	KIND_CALL = 4,
	KIND_REACTOR = 5,
	KIND_OBJECT_POOL = 6,
	KIND_OBJECT = 7,
	KIND_HASH = 8,
	KIND_VECTOR = 9,
	KIND_LIST = 10,
	N_KINDS
};

/* Guarded by its lock, except for loads of atomic words. */
struct table_head {
	struct core_lock lock;
	uint32_t hi;   /* atomic: records below are published */
	uint32_t free; /* index + 1 of the first free record, 0 none */
	uint32_t n;    /* number of records in use */
	uint32_t seq;  /* atomic, futex: +1 at each creation and removal */
	uint32_t last; /* index + 1 of the last free record, if there is one */
	uint8_t pad[36];
};
static_assert(sizeof(struct table_head) == 64, "ABI: bump FUSION_FORMAT");

#define HEAP_SUPER_SIZE 2048

struct superblock {
	/* Written once, by format(). */
	uint64_t magic;
	uint32_t format;
	uint32_t max_members; /* slots 1..max_members are members' */
	uint64_t base;	      /* address in every member */
	uint64_t span;	      /* bytes of address space and of file */
	uint32_t max_threads; /* slots 1..max_threads-1 are members' */
	uint32_t max_fields;
	uint32_t max_things; /* of each kind that geometry.c does not except */
	uint32_t n_spans;
	uint64_t off_events, off_members, off_threads, off_tables, off_rows;
	uint64_t off_words, off_descs, off_spans;
	uint64_t created_ns; /* CLOCK_REALTIME */
	uint64_t epoch;	     /* which life of the arena this file is */
	char name[ARENA_NAME_MAX + 1];
	char version[24]; /* of the library that formatted, for messages */
	uint32_t n_slots, n_rings;
	uint64_t off_slots, off_rings, off_ring_mem;
	uint64_t off_fallen; /* bits of objects, see object_fall.c */

	/* Life: written under the life lock (life.h), read by all. */
	uint32_t state; /* atomic: enum arena_state */
	uint32_t flags;
	uint32_t master;   /* atomic: member id, 0 when there is none */
	uint32_t next_id;  /* next member id */
	uint32_t life_seq; /* atomic, futex: +1 at each join, leave, death,
			      ready */
	uint32_t on_master_death;
	uint32_t members_hi; /* atomic: member slots below were ever used */
	uint32_t threads_hi; /* atomic: the same for thread slots */
	uint64_t deaths;
	uint64_t root;	/* atomic: fusion_arena_set_root() */
	uint64_t limit; /* atomic: bytes of memory the arena may take */
	uint8_t pad1[72];

	uint32_t next_entry; /* atomic: next `#<id>`, of any kind */
	/* Hint, atomic: visitors that the daemon holds until a lock or a
	 * property is free.  A member that frees one sends FUSION_IOC_POKE. */
	uint32_t visitors_waiting;
	/* The visitors' bell (bell.h).  A member that brings something for a
	 * visitor adds 1 to the bell (atomic, futex), and wakes the daemon if
	 * that wants it (atomic). */
	uint32_t visitor_bell;
	uint32_t visitor_bell_wanted;
	uint8_t pad2[48];

	/* Events: guarded by event_lock. */
	struct core_lock event_lock;
	uint64_t event_head;	 /* atomic: events ever; [head-EVENTS, head) are
				    kept */
	uint32_t event_word;	 /* atomic, futex: low bits of event_head */
	uint32_t event_watchers; /* atomic hint: the daemon wants
				    FUSION_IOC_POKE */
	uint8_t pad3[40];

	struct table_head tables[N_KINDS];
	struct table_head rows;	     /* of struct ref_row */
	struct core_lock ref_family; /* guards inheritance of references */
	struct core_lock lend;	     /* guards borrowed skirmishes: lend.h */
	uint8_t pad4[48];
	struct table_head rings; /* of struct ring_ctl; only lock and hi */
	uint32_t
		slots_hi; /* atomic: slots above max_threads + this are holes */
	uint8_t pad5[956 - 5 * sizeof(struct table_head)];

	/* struct heap_super, declared in heap_layout.h. */
	uint8_t heap[HEAP_SUPER_SIZE];
};
static_assert(offsetof(struct superblock, state) == 256, "ABI");
static_assert(offsetof(struct superblock, next_entry) == 384, "ABI");
static_assert(offsetof(struct superblock, event_lock) == 448, "ABI");
static_assert(offsetof(struct superblock, tables) == 512, "ABI");
static_assert(offsetof(struct superblock, heap) == 2048, "ABI");
static_assert(sizeof(struct superblock) == 4096, "ABI");

/* event_rec.text is one line without its newline, printable. */
struct event_rec {
	uint64_t seq;	  /* number of this event, set last */
	uint64_t time_ns; /* CLOCK_REALTIME */
	uint16_t len;	  /* bytes of text */
	uint16_t kind;	  /* enum event_kind */
	uint32_t member;  /* id it is about, 0 none */
	char text[104];
};
static_assert(sizeof(struct event_rec) == 128, "ABI: bump FUSION_FORMAT");

/*
 * A member.  Written by the daemon (or a survivor) and the member, under the
 * life lock except for the hints at the end.
 * Dead owner: life_depart() (life.h) frees the slot as its last step.
 */
struct member_rec {
	uint32_t state; /* atomic: enum member_state */
	uint32_t id;	/* never reused while the file lives */
	uint32_t pid;	/* in the daemon's pid namespace */
	uint32_t uid, gid;
	uint32_t flags;
	uint64_t start_time; /* field 22 of /proc/PID/stat */
	uint64_t joined_ns;  /* CLOCK_REALTIME */
	uint64_t pidns;	  /* inode of the member's pid namespace, 0 unknown */
	uint32_t own_pid; /* atomic: its pid in pidns; 0 until it has mapped */
	uint32_t role;	  /* FUSION_ROLE_MASTER or _SLAVE, as it joined */
	char comm[16];

	/* Of references, see ref.h.  The first two are guarded by rows.lock. */
	uint32_t rows;	      /* first of its rows, index + 1 */
	uint32_t rows_closed; /* it leaves, and gets no more rows */
	uint32_t ref_seq;     /* atomic, futex: +1 when what it watches falls */
	uint32_t ring;	      /* atomic: its queue, index + 1; 0 none yet */
	uint8_t pad0[40];

	/* Hints in a cache line of their own: statistics of the member. */
	uint64_t n_malloc_slow, n_adopted;
	/* Atomic, by class: member-lifetime slabs that have no thread. */
	uint64_t orphans;
	uint8_t pad1[104];
};
static_assert(sizeof(struct member_rec) == 256, "ABI: bump FUSION_FORMAT");

/* What a thread is in the middle of; op 0 is nothing.  The thread stores the
 * arguments first and op last, and stores op = 0 when it has finished. */
struct intent {
	uint32_t op;   /* atomic */
	uint32_t kind; /* table: enum entry_kind */
	uint64_t a[4];
};
static_assert(sizeof(struct intent) == 40, "ABI");

/* Most skirmishes a thread can hold or wait for at once, most of them that it
 * can have borrowed, and most properties. */
#define THREAD_SKIRMISHES 112
#define THREAD_LENT 16
#define THREAD_PROPERTIES 24
/* Most core locks that a thread can hold, see docs/locking.md. */
#define THREAD_CORE_LOCKS 6

/*
 * A thread of a member: its announcements.  Written by that thread alone, and
 * by the thread that recovers it.
 */
struct thread_rec {
	uint32_t member; /* atomic: 0 free, else slot of its member + 1 */
	uint32_t token;	 /* atomic: identity, new generation at each claim */
	uint32_t tid;	 /* atomic: gettid() of the thread, 0 unknown */
	uint32_t pad0;
	/* Offsets of core locks held or wanted. */
	uint64_t core_locks[THREAD_CORE_LOCKS];
	struct intent span;  /* heap, under the span lock */
	struct intent table; /* under the lock of a table */
	struct intent pool;  /* under the pool lock */
	uint64_t pend_slot;  /* malloc_to / free_from: offset of the slot */
	uint64_t pend_ptr;   /* and offset of the block */
	uint64_t heap[16];   /* further announcements of the heap */
	struct intent ref;   /* under a reference's lock */
	struct intent row;   /* under rows.lock */
	/* Atomic: skirmish waited for, index + 1; 0 none (skirmish.h). */
	uint32_t waits_for;
	uint32_t waits_id; /* id of that skirmish; owner only */
	uint32_t pad1;
	uint32_t n_skirmishes; /* owner only */
	/* Index + 1, held or wanted; or borrowed (lend.h). */
	uint32_t skirmishes[THREAD_SKIRMISHES];
	uint32_t properties[THREAD_PROPERTIES]; /* index + 1, held or wanted */
	struct intent msg;  /* a record in a ring, see ring.h */
	struct intent call; /* a call that returns, wakes owed to listeners */
	/* A block on its way into a ring, as an address in members: a slot of
	 * malloc_to and free_from. */
	uint64_t msg_block;
	uint32_t exec; /* call that it executes: slot + 1, 0 none */
	uint32_t exec_seq;
	struct intent object; /* see object.h */
	uint64_t item[2];     /* slots of malloc_to and free_from: items */
	/* Atomic: serial of the last answer, whose slot is still not idle. */
	uint64_t put_off;
	uint32_t lent_ids[THREAD_LENT]; /* ids of borrowed skirmishes */
	uint8_t pad[88];
};
static_assert(sizeof(struct thread_rec) == 1280, "ABI: bump FUSION_FORMAT");

/* The beginning of every record of a table (table.h).  A nameless record has
 * the name "#<id>". */
enum entry_state { ENTRY_FREE = 0, ENTRY_USED = 1 };

struct entry {
	uint32_t state; /* atomic: enum entry_state; the commit of creation and
			   removal */
	uint32_t next;	/* index + 1 in chain or free list, 0 ends it */
	uint32_t id;	/* atomic: never reused while the file lives */
	uint32_t hash;
	uint64_t created_ns; /* CLOCK_REALTIME */
	uint32_t creator;    /* member id */
	uint32_t pad;
	char name[ENTRY_NAME_MAX + 1];
};
static_assert(sizeof(struct entry) == 96, "ABI: bump FUSION_FORMAT");

/* A named pointer. */
struct field_rec {
	struct entry e;
	uint64_t addr;		       /* as the caller gave it */
	uint64_t size;		       /* 0 if not given */
	char type[FIELD_TYPE_MAX + 1]; /* "" if not given */
	uint8_t pad[40];
};
static_assert(sizeof(struct field_rec) == 192, "ABI: bump FUSION_FORMAT");

/* Strides of the other tables; the records are declared in skirmish.h, ref.h,
 * property.h, call.h, reactor.h, object.h and ring.h. */
#define ENTRY_SIZE 256
#define ROW_SIZE 64
#define SLOT_SIZE 128
#define RING_CTL_SIZE 192

#endif
