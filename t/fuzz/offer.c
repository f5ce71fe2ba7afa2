/*
 * chat_deflate_negotiate() against a model that reads the header's lexemes into
 * a list first.
 */

#include "chat_deflate.h"
#include "fuzz.h"


#define MAX  256


/* ';', ',', '=', a token ('t') or what was quoted ('q'); 0 ends the list */
typedef struct {
    int   type;
    char  text[MAX];
} lexeme_t;


static lexeme_t  list[MAX + 1];


static int model(chat_str_t header, chat_deflate_offer_t *offer);
static int lex(chat_str_t header);
static int acceptable(const lexeme_t *l, const lexeme_t *end,
    chat_deflate_offer_t *offer);
static int bits(const char *text);


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    int                   want;
    chat_str_t            header;
    chat_deflate_offer_t  offer, right;

    if (len >= MAX) {
        return 0;
    }

    header = fuzz_text(data, len);
    memset(&offer, 0xa5, sizeof(offer));

    want = model(header, &right);
    check(chat_deflate_negotiate(header, &offer) == want);

    if (want == CHAT_OK) {
        check(offer.window == right.window && offer.asked == right.asked);
        check(offer.window >= CHAT_DEFLATE_MIN_WINDOW
              && offer.window <= CHAT_DEFLATE_MAX_WINDOW);
    }

    fuzz_free(header);

    return 0;
}


static int
model(chat_str_t header, chat_deflate_offer_t *offer)
{
    int              found;
    const lexeme_t  *l, *start;

    if (!lex(header)) {
        return CHAT_ERROR;
    }

    found = 0;

    for (l = list; l->type; ) {

        if (l->type == ',') {
            l++;
            continue;
        }

        start = l;

        if (l++->type != 't') {
            return CHAT_ERROR;
        }

        while (l->type == ';') {

            if (l[1].type != 't') {
                return CHAT_ERROR;
            }

            l += 2;

            if (l->type == '=') {

                if (l[1].type != 't' && l[1].type != 'q') {
                    return CHAT_ERROR;
                }

                l += 2;
            }
        }

        if (l->type && l->type != ',') {
            return CHAT_ERROR;
        }

        found = found || acceptable(start, l, offer);
    }

    return found ? CHAT_OK : CHAT_DONE;
}


/* 0: there is something else in it */
static int
lex(chat_str_t header)
{
    size_t         i, n;
    lexeme_t      *l;
    unsigned char  ch;

    static const char  token[] = "!#$%&'*+-.^_`|~0123456789"
                                 "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    l = list;

    for (i = 0; i < header.len; ) {
        ch = header.data[i++];
        n = 0;

        if (ch == ' ' || ch == '\t') {
            continue;
        }

        if (ch == ';' || ch == ',' || ch == '=') {
            l++->type = ch;
            continue;
        }

        l->type = ch == '"' ? 'q' : 't';

        if (l->type == 't') {
            i--;
        }

        for ( ;; ) {

            if (i == header.len) {

                if (l->type == 'q') {
                    return 0;
                }

                break;
            }

            ch = header.data[i];

            if (l->type == 'q' && ch == '"') {
                i++;
                break;
            }

            if (l->type == 'q' && ch == '\\') {

                if (++i == header.len) {
                    return 0;
                }

                ch = header.data[i];
            }

            if (ch == 0 || strchr(token, ch) == NULL) {

                if (l->type == 'q') {
                    return 0;
                }

                break;
            }

            l->text[n++] = (char) ch;
            i++;
        }

        if (n == 0) {
            return 0;
        }

        l++->text[n] = '\0';
    }

    l->type = 0;

    return 1;
}


static int
acceptable(const lexeme_t *l, const lexeme_t *end, chat_deflate_offer_t *offer)
{
    int                   i, seen[4] = { 0 };
    const char           *value;
    chat_deflate_offer_t  one;

    static const char *const  names[4] = {
        "server_no_context_takeover", "client_no_context_takeover",
        "server_max_window_bits", "client_max_window_bits"
    };

    one = (chat_deflate_offer_t) { 15, 0 };

    if (strcmp(l->text, "permessage-deflate") != 0) {
        return 0;
    }

    for (l++; l < end; ) {

        for (i = 0; i < 4 && strcmp(l[1].text, names[i]) != 0; i++) {
            /* void */
        }

        if (i == 4 || seen[i]++) {
            return 0;
        }

        l += 2;
        value = NULL;

        if (l < end && l->type == '=') {
            value = l[1].text;
            l += 2;
        }

        if (i < 2 && value) {
            return 0;
        }

        if (i == 2) {
            one.window = value ? (unsigned) bits(value) : 0;
            one.asked = 1;

            if (one.window < 9) {
                return 0;
            }
        }

        if (i == 3 && value && bits(value) == 0) {
            return 0;
        }
    }

    *offer = one;

    return 1;
}


static int
bits(const char *text)
{
    int   n;
    char  again[12];

    n = atoi(text);
    snprintf(again, sizeof(again), "%d", n);

    return n >= 8 && n <= 15 && strcmp(again, text) == 0 ? n : 0;
}
