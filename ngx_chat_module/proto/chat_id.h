/*
 * The chat's identifiers: user ids, room ids, positions in a room.
 *
 * A user id is a decimal number from 1 on without leading zeros, at most 18
 * digits, kept as text.  A room id is "low:high", two user ids in ascending
 * numeric order (a private room), or 1 to 64 of [A-Za-z0-9_-] (a named room;
 * if all are digits, then without leading zeros; "0" is General).
 */

#ifndef CHAT_ID_H
#define CHAT_ID_H

#include "chat_str.h"


#define CHAT_USER_ID_MAX    18
#define CHAT_ROOM_ID_MAX    64
#define CHAT_POS_MAX        24          /* the most bytes that
                                           chat_pos_format() writes */


typedef enum {
    CHAT_ROOM_NAMED = 1,
    CHAT_ROOM_PRIVATE
} chat_room_type_t;


typedef struct {
    chat_room_type_t      type;
    chat_str_t            id;
    chat_str_t            low;          /* private rooms only */
    chat_str_t            high;
} chat_room_t;


/* CHAT_OK or CHAT_ERROR */
int chat_user_id_check(chat_str_t id);

/* of the user id, with all digits that follow, that a text begins with, or 0 */
size_t chat_user_id_len(chat_str_t text);
int chat_room_parse(chat_str_t id, chat_room_t *room);

/*
 * The private room of two user ids, in either order.  out has room for
 * CHAT_ROOM_ID_MAX bytes; returns the length, 0 if the ids are equal or
 * malformed.
 */
size_t chat_room_private(chat_str_t a, chat_str_t b, unsigned char *out);

/* 1 if a user may read and write the room by its id alone: a private room whose
   low or high the user is, or General */
int chat_room_is_of(const chat_room_t *room, chat_str_t user);

/*
 * A position: seconds since 1970 with up to six decimals, as text; in memory,
 * microseconds.  Parsing accepts 1 to 12 digits, then optionally a point and 1
 * to 6 digits.  Formatting always writes six decimals; returns the end.
 */
int chat_pos_parse(chat_str_t text, uint64_t *usec);
unsigned char *chat_pos_format(unsigned char *out, uint64_t usec);

/* a sorted set's score as Redis prints it (%.17g, may have an exponent) */
int chat_pos_from_score(chat_str_t score, uint64_t *usec);


#endif /* CHAT_ID_H */
