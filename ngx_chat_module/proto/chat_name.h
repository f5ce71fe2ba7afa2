/*
 * Names of users.  A new one is in Unicode's form NFC (UAX #15), has 1 to
 * CHAT_NAME_MAX characters, all of which can be seen, and differs from those
 * that are there in more than case or look (UTS #39, section 4: skeletons of
 * confusable characters).
 *
 * The tables are ICU's, and so is what little memory is taken: ICU's own, given
 * back before a function returns.
 */

#ifndef CHAT_NAME_H
#define CHAT_NAME_H

#include "chat_str.h"


#define CHAT_NAME_MAX        32         /* characters (code points) */
#define CHAT_NAME_LONGEST    1024       /* bytes that are looked at at all */
#define CHAT_NAME_LOOKS      2
#define CHAT_NAME_LOOK_MAX   1024       /* bytes */
#define CHAT_NAME_SPELLINGS  4
#define CHAT_NAME_SPELL_MAX  (12 * CHAT_NAME_MAX)


/* two names are alike if they have a look in common */

typedef struct {
    size_t                n;
    chat_str_t            look[CHAT_NAME_LOOKS];
    unsigned char         data[CHAT_NAME_LOOKS][CHAT_NAME_LOOK_MAX];
} chat_name_looks_t;


/* other ways to write a name: its case, its accents apart */

typedef struct {
    size_t                n;
    chat_str_t            spelling[CHAT_NAME_SPELLINGS];
    unsigned char         data[CHAT_NAME_SPELLINGS][CHAT_NAME_SPELL_MAX];
} chat_name_spellings_t;


/*
 * NFC.  out has room for three times the name's length; returns the length, 0
 * if the name is empty, longer than CHAT_NAME_LONGEST or no valid UTF-8.
 */
size_t chat_name_normalize(chat_str_t name, unsigned char *out);

/*
 * Whether a new user may have this name.  What can't be seen, or changes how
 * the rest is seen, is refused: controls, format characters (bidi, zero-width,
 * tags), whatever Unicode wants to be ignored by default, characters that are
 * blank, private or not assigned, white space but for single U+0020 between
 * others, marks with nothing to stand on.  U+FE0F may follow an emoji.
 */
int chat_name_check(chat_str_t name);

/*
 * The looks of a name, also of one that _check() refuses: what can't be seen is
 * left out.  CHAT_ERROR: it has none (no UTF-8, nothing to see, too long), or
 * there is no memory.  The texts are in *looks.
 */
int chat_name_looks(chat_str_t name, chat_name_looks_t *looks);

/* of a name that _check() takes */
void chat_name_spell(chat_str_t name, chat_name_spellings_t *spellings);


#endif /* CHAT_NAME_H */
