/*
 * Names of users.  ICU works on UTF-16, so names go there and back.
 *
 * One look of a name is the skeleton of its folded case: of "Pablo" and "PABLO"
 * it is the same, and so it is of names whose small letters look alike.  Some
 * letters look alike in one case only (capital I and small l), so there is
 * another look, for which the case is folded behind the skeleton.
 */

#include "chat_name.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uspoof.h>
#include <unicode/ustring.h>


/* UTF-16 units: of a name in NFC, and of what is derived from it */
#define CHAT_NAME_UNITS      (3 * CHAT_NAME_LONGEST)
#define CHAT_NAME_DERIVED    512

#define CHAT_NAME_EMOJI      0xfe0f     /* asks for a picture */


typedef struct {
    int32_t               len;
    UChar                 text[CHAT_NAME_DERIVED];
} chat_name_derived_t;


static int32_t chat_name_nfc(chat_str_t name, UChar *out);
static int chat_name_allowed(UChar32 ch, UChar32 before);
static int chat_name_seen(UChar32 ch);
static void chat_name_fold(const chat_name_derived_t *from,
    chat_name_derived_t *to, UErrorCode *status);
static void chat_name_skeleton(USpoofChecker *checker,
    const chat_name_derived_t *from, chat_name_derived_t *to,
    UErrorCode *status);
static void chat_name_add_look(chat_name_looks_t *looks,
    const chat_name_derived_t *look, UErrorCode *status);
static void chat_name_add_spelling(chat_name_spellings_t *spellings,
    chat_str_t name, const UNormalizer2 *form, const UChar *text, int32_t len,
    UErrorCode status);


/* the length, 0 as _normalize(); out has CHAT_NAME_UNITS */

static int32_t
chat_name_nfc(chat_str_t name, UChar *out)
{
    UChar                text[CHAT_NAME_LONGEST];
    int32_t              len;
    UErrorCode           status;
    const UNormalizer2  *nfc;

    if (name.len == 0 || name.len > CHAT_NAME_LONGEST) {
        return 0;
    }

    len = 0;
    status = U_ZERO_ERROR;

    u_strFromUTF8(text, CHAT_NAME_LONGEST, &len, (const char *) name.data,
                  (int32_t) name.len, &status);
    nfc = unorm2_getNFCInstance(&status);
    len = unorm2_normalize(nfc, text, len, out, CHAT_NAME_UNITS, &status);

    return U_SUCCESS(status) ? len : 0;
}


size_t
chat_name_normalize(chat_str_t name, unsigned char *out)
{
    UChar       text[CHAT_NAME_UNITS];
    int32_t     len;
    UErrorCode  status;

    len = chat_name_nfc(name, text);

    if (len == 0) {
        return 0;
    }

    status = U_ZERO_ERROR;
    u_strToUTF8((char *) out, (int32_t) (3 * name.len), &len, text, len,
                &status);

    return U_SUCCESS(status) ? (size_t) len : 0;
}


int
chat_name_check(chat_str_t name)
{
    size_t         n;
    UChar          text[CHAT_NAME_UNITS];
    int32_t        i, len;
    UChar32        ch, before;
    unsigned char  nfc[3 * 4 * CHAT_NAME_MAX];

    /* four bytes for a character are the most */

    if (name.len == 0 || name.len > 4 * CHAT_NAME_MAX
        || chat_name_normalize(name, nfc) != name.len
        || memcmp(nfc, name.data, name.len) != 0)
    {
        return CHAT_ERROR;
    }

    len = chat_name_nfc(name, text);
    before = ' ';

    for (i = 0, n = 0; i < len; n++) {
        U16_NEXT(text, i, len, ch);

        if (n == CHAT_NAME_MAX || !chat_name_allowed(ch, before)) {
            return CHAT_ERROR;
        }

        before = ch;
    }

    return before == ' ' ? CHAT_ERROR : CHAT_OK;
}


/* before: the character before, a space if there is none */

static int
chat_name_allowed(UChar32 ch, UChar32 before)
{
    if (ch == ' ') {
        return before != ' ';
    }

    if (ch == CHAT_NAME_EMOJI) {
        return before > 0x7f && u_hasBinaryProperty(before, UCHAR_EMOJI);
    }

    if (U_MASK(u_charType(ch)) & U_GC_M_MASK && before == ' ') {
        return 0;
    }

    return chat_name_seen(ch);
}


static int
chat_name_seen(UChar32 ch)
{
    if (U_MASK(u_charType(ch)) & (U_GC_C_MASK|U_GC_Z_MASK)) {
        return ch == ' ';
    }

    /* these have no ink */

    return ch != 0x2800 && ch != 0x16fe4 && ch != 0x1d159
           && !u_hasBinaryProperty(ch, UCHAR_DEFAULT_IGNORABLE_CODE_POINT);
}


int
chat_name_looks(chat_str_t name, chat_name_looks_t *looks)
{
    UChar                 text[CHAT_NAME_UNITS];
    int32_t               i, len;
    UChar32               ch;
    UErrorCode            status;
    USpoofChecker        *checker;
    chat_name_derived_t   seen, folded, skeleton;

    looks->n = 0;
    seen.len = 0;
    len = chat_name_nfc(name, text);

    for (i = 0; i < len; /* void */ ) {
        U16_NEXT(text, i, len, ch);

        if (!chat_name_seen(ch)) {
            continue;
        }

        if (seen.len + 2 > CHAT_NAME_DERIVED) {
            return CHAT_ERROR;
        }

        U16_APPEND_UNSAFE(seen.text, seen.len, ch);
    }

    if (seen.len == 0) {
        return CHAT_ERROR;
    }

    status = U_ZERO_ERROR;
    checker = uspoof_open(&status);

    chat_name_fold(&seen, &folded, &status);
    chat_name_skeleton(checker, &folded, &skeleton, &status);
    chat_name_add_look(looks, &skeleton, &status);

    chat_name_skeleton(checker, &seen, &skeleton, &status);
    chat_name_fold(&skeleton, &folded, &status);
    chat_name_skeleton(checker, &folded, &skeleton, &status);
    chat_name_add_look(looks, &skeleton, &status);

    uspoof_close(checker);

    return U_SUCCESS(status) ? CHAT_OK : CHAT_ERROR;
}


static void
chat_name_fold(const chat_name_derived_t *from, chat_name_derived_t *to,
    UErrorCode *status)
{
    to->len = u_strFoldCase(to->text, CHAT_NAME_DERIVED, from->text, from->len,
                            U_FOLD_CASE_DEFAULT, status);
}


static void
chat_name_skeleton(USpoofChecker *checker, const chat_name_derived_t *from,
    chat_name_derived_t *to, UErrorCode *status)
{
    to->len = uspoof_getSkeleton(checker, 0, from->text, from->len, to->text,
                                 CHAT_NAME_DERIVED, status);
}


/* twice the same is one */

static void
chat_name_add_look(chat_name_looks_t *looks, const chat_name_derived_t *look,
    UErrorCode *status)
{
    int32_t         len;
    chat_str_t     *to;
    unsigned char  *data;

    if (U_FAILURE(*status)) {
        return;
    }

    data = looks->data[looks->n];
    u_strToUTF8((char *) data, CHAT_NAME_LOOK_MAX, &len, look->text, look->len,
                status);

    if (U_FAILURE(*status)) {
        return;
    }

    to = &looks->look[looks->n];
    to->data = data;
    to->len = (size_t) len;

    if (looks->n == 0 || !chat_str_eq(*to, looks->look[0])) {
        looks->n++;
    }
}


void
chat_name_spell(chat_str_t name, chat_name_spellings_t *spellings)
{
    UChar                 text[CHAT_NAME_UNITS];
    int32_t               first, len;
    UErrorCode            status;
    const UNormalizer2   *nfc, *nfd;
    chat_name_derived_t   form, rest;

    spellings->n = 0;
    status = U_ZERO_ERROR;

    nfc = unorm2_getNFCInstance(&status);
    nfd = unorm2_getNFDInstance(&status);
    len = chat_name_nfc(name, text);

    if (U_FAILURE(status) || len == 0) {
        return;
    }

    chat_name_add_spelling(spellings, name, nfd, text, len, status);

    form.len = u_strToUpper(form.text, CHAT_NAME_DERIVED, text, len, "",
                            &status);
    chat_name_add_spelling(spellings, name, nfc, form.text, form.len, status);

    status = U_ZERO_ERROR;
    form.len = u_strToLower(form.text, CHAT_NAME_DERIVED, text, len, "",
                            &status);
    chat_name_add_spelling(spellings, name, nfc, form.text, form.len, status);

    /* a capital in front */

    if (U_SUCCESS(status)) {
        first = 0;
        U16_FWD_1(form.text, first, form.len);

        rest.len = u_strToUpper(rest.text, CHAT_NAME_DERIVED, form.text, first,
                                "", &status);

        if (U_SUCCESS(status)
            && rest.len + form.len - first <= CHAT_NAME_DERIVED)
        {
            u_memcpy(rest.text + rest.len, form.text + first,
                     form.len - first);
            rest.len += form.len - first;

            chat_name_add_spelling(spellings, name, nfc, rest.text, rest.len,
                                   status);
        }
    }
}


/* if it differs from the name, and there is room for it */

static void
chat_name_add_spelling(chat_name_spellings_t *spellings, chat_str_t name,
    const UNormalizer2 *form, const UChar *text, int32_t len, UErrorCode status)
{
    UChar            normal[CHAT_NAME_DERIVED];
    chat_str_t      *to;
    unsigned char   *data;

    data = spellings->data[spellings->n];
    len = unorm2_normalize(form, text, len, normal, CHAT_NAME_DERIVED, &status);
    u_strToUTF8((char *) data, CHAT_NAME_SPELL_MAX, &len, normal, len, &status);

    if (U_FAILURE(status)) {
        return;
    }

    to = &spellings->spelling[spellings->n];
    to->data = data;
    to->len = (size_t) len;

    if (!chat_str_eq(*to, name)) {
        spellings->n++;
    }
}
