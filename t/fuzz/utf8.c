/*
 * chat_utf8 against the model, split at a place that the first byte
 * chooses, and byte by byte.
 */

#include "chat_utf8.h"
#include "model.h"


static int fed(chat_utf8_t *state, chat_str_t text);


int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    int                   got, want;
    size_t                i, n;
    uint32_t              ch;
    chat_str_t            text, front, back;
    chat_utf8_t           state;
    const unsigned char  *pos, *again;

    i = 0;

    if (len) {
        len--;
        i = *data++ % (len + 1);
    }

    text = fuzz_text(data, len);
    front = fuzz_text(data, i);
    back = fuzz_text(data + i, len - i);

    want = model_utf8(text);
    check((chat_utf8_check(text) == CHAT_OK) == (want == MODEL_GOOD));

    state = 0;
    got = fed(&state, front);
    check(got == model_utf8(front));
    check((got == MODEL_BAD ? MODEL_BAD : fed(&state, back)) == want);

    state = 0;

    for (i = 0; i < len && fed(&state, (chat_str_t) { 1, text.data + i })
                           != MODEL_BAD; i++) { /* void */ }

    check((i < len) == (want == MODEL_BAD));

    if (want == MODEL_GOOD && len) {
        pos = text.data;
        again = pos;

        for (n = 0; pos < text.data + len; n++) {
            ch = chat_utf8_next(&pos);
            check(ch == model_char(&again) && pos == again);
            check(!chat_utf8_space(ch) == !model_space(ch));
        }

        check(pos == text.data + len);
        check(chat_utf8_chars(text) == n);
    }

    fuzz_free(text);
    fuzz_free(front);
    fuzz_free(back);

    return 0;
}


static int
fed(chat_utf8_t *state, chat_str_t text)
{
    if (chat_utf8_feed(state, text.data, text.len) != CHAT_OK) {
        return MODEL_BAD;
    }

    return *state ? MODEL_CUT : MODEL_GOOD;
}
