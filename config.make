# The second part of nginx's add-on script, which may add to the Makefile: the
# flags of "config" for our own objects, and before nginx's, which may differ.

for chat_src in $chat_srcs; do
    chat_obj=`basename \`dirname $chat_src\``/`basename $chat_src .c`.o
    echo "$NGX_OBJS/addon/$chat_obj: CFLAGS := $chat_cflags \$(CFLAGS)"
done >> $NGX_MAKEFILE
