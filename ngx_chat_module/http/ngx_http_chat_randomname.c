/*
 * GET /randomname: a first name that nobody has yet, nor one like it.
 * A few are tried at once; where all of them are taken, digits make one that
 * most likely is not: whoever registers it first has it in any case.
 */

#include "ngx_http_chat_http.h"


#define NGX_HTTP_CHAT_NAME_TRIES  8


typedef struct {
    ngx_str_t    names[NGX_HTTP_CHAT_NAME_TRIES];
    ngx_str_t    free;
} ngx_http_chat_randomname_t;


static void ngx_http_chat_randomname_answer(ngx_http_chat_ctx_t *ctx,
    redisReply *reply, ngx_uint_t n);
static void ngx_http_chat_randomname_send(ngx_http_chat_ctx_t *ctx,
    ngx_str_t *name);


static const char  *ngx_http_chat_names[] = {
    "Ada", "Adam", "Adele", "Agnes", "Aisha", "Akira", "Alan", "Albert",
    "Alice", "Alina", "Amina", "Amir", "Amy", "Ana", "Andrea", "Andrew",
    "Angela", "Anita", "Anna", "Anton", "Ariel", "Arthur", "Astrid", "Aylin",
    "Barbara", "Beatrice", "Ben", "Bianca", "Boris", "Brenda", "Brian",
    "Bruno", "Camille", "Carla", "Carlos", "Carmen", "Caroline", "Casper",
    "Cecilia", "Chiara", "Chloe", "Claire", "Clara", "Colin", "Cora", "Dana",
    "Daniel", "Daphne", "David", "Deniz", "Derek", "Diana", "Diego", "Dina",
    "Dora", "Edith", "Edgar", "Edward", "Elena", "Eli", "Elias", "Elif",
    "Elisa", "Ella", "Elsa", "Emil", "Emily", "Emma", "Eric", "Erika",
    "Esther", "Eva", "Evan", "Fatima", "Felix", "Fiona", "Flora", "Florian",
    "Frances", "Frank", "Frida", "Gabriel", "Gemma", "George", "Gloria",
    "Grace", "Greta", "Gustav", "Hana", "Hannah", "Hassan", "Hector", "Heidi",
    "Helen", "Henry", "Hiro", "Holly", "Hugo", "Ian", "Ida", "Igor", "Ilona",
    "Ines", "Ingrid", "Irene", "Iris", "Isaac", "Isabel", "Ivan", "Ivy",
    "Jack", "Jacob", "Jamal", "James", "Jan", "Jana", "Jasmin", "Joan",
    "Johan", "Jonas", "Jorge", "Josef", "Judith", "Jules", "Julia", "Karim",
    "Karin", "Kate", "Keiko", "Kenji", "Kira", "Klara", "Lara", "Laura", "Lea",
    "Leila", "Lena", "Leo", "Lidia", "Lily", "Lina", "Linus", "Louis", "Lucas",
    "Lucia", "Lucy", "Luis", "Luna", "Maeve", "Malik", "Marco", "Maria",
    "Marie", "Marta", "Martin", "Mateo", "Matilda", "Max", "Maya", "Mehmet",
    "Mia", "Milan", "Mina", "Mira", "Miriam", "Mona", "Nadia", "Naomi",
    "Nathan", "Nell", "Nico", "Nina", "Noah", "Nora", "Olga", "Oliver", "Omar",
    "Oscar", "Otto", "Paul", "Paula", "Pedro", "Petra", "Philip", "Pia",
    "Quentin", "Rachel", "Rahul", "Ravi", "Rita", "Robert", "Robin", "Rosa",
    "Ruben", "Ruth", "Samuel", "Sanjay", "Sara", "Selma", "Sergio", "Silvia",
    "Simon", "Sofia", "Stella", "Sven", "Tara", "Theo", "Thomas", "Tina",
    "Tom", "Ulla", "Uma", "Vera", "Victor", "Viola", "Walter", "Wanda",
    "Wendy", "Xavier", "Yara", "Yasmin", "Yuki", "Yusuf", "Zara", "Zoe"
};

#define NGX_HTTP_CHAT_NAMES                                                   \
    (sizeof(ngx_http_chat_names) / sizeof(ngx_http_chat_names[0]))


void
ngx_http_chat_randomname_handler(ngx_http_chat_ctx_t *ctx)
{
    ngx_str_t                   *name, look;
    ngx_uint_t                   i, k;
    chat_name_looks_t            looks;
    ngx_http_chat_randomname_t  *pick;

    pick = ngx_pcalloc(ctx->request->pool,
                         sizeof(ngx_http_chat_randomname_t));
    if (pick == NULL) {
        ngx_http_chat_send_unavailable(ctx->request);
        return;
    }

    ctx->data = pick;

    /* neighbours in the list, from a place by chance: all differ */

    k = (ngx_uint_t) ngx_random();

    for (i = 0; i < NGX_HTTP_CHAT_NAME_TRIES; i++) {
        name = &pick->names[i];
        name->data = (u_char *) ngx_http_chat_names[(k + i)
                                                    % NGX_HTTP_CHAT_NAMES];
        name->len = ngx_strlen(name->data);

        /* its other look, if it has one, is left to the registration */

        if (chat_name_looks((chat_str_t) { name->len, name->data }, &looks)
            != CHAT_OK)
        {
            ngx_http_chat_send_unavailable(ctx->request);
            return;
        }

        look.len = looks.look[0].len;
        look.data = looks.data[0];

        if (ngx_http_chat_command(ctx, ngx_http_chat_randomname_answer, i,
                                  "EXISTS " NGX_HTTP_CHAT_KEY_USERNAME "%V "
                                  NGX_HTTP_CHAT_KEY_NAME "%V",
                                  name, &look)
            != NGX_OK)
        {
            return;
        }
    }
}


static void
ngx_http_chat_randomname_answer(ngx_http_chat_ctx_t *ctx, redisReply *reply,
    ngx_uint_t n)
{
    u_char                      *p;
    ngx_str_t                    name;
    ngx_http_chat_randomname_t  *pick;

    if (ngx_http_chat_failed(ctx, reply)) {
        return;
    }

    pick = ctx->data;

    if (ngx_http_chat_redis_int(reply) == 0 && pick->free.len == 0) {
        pick->free = pick->names[n];
    }

    if (!ngx_http_chat_all_answered(ctx)) {
        return;
    }

    if (pick->free.len) {
        ngx_http_chat_randomname_send(ctx, &pick->free);
        return;
    }

    name = pick->names[n];

    p = ngx_pnalloc(ctx->request->pool, name.len + NGX_INT_T_LEN);
    if (p == NULL) {
        ngx_http_chat_send_unavailable(ctx->request);
        return;
    }

    name.len = ngx_sprintf(p, "%V%ui", &name,
                           (ngx_uint_t) ngx_random() % 1000000) - p;
    name.data = p;

    ngx_http_chat_randomname_send(ctx, &name);
}


static void
ngx_http_chat_randomname_send(ngx_http_chat_ctx_t *ctx, ngx_str_t *name)
{
    ngx_str_t  type;

    ngx_str_set(&type, "text/plain; charset=utf-8");

    ngx_http_chat_send_body(ctx->request, NGX_HTTP_OK, &type, name);
}
