/* A module that asks CONFIG as it is loaded, as the search and time series modules of the official image `redis:8` do: where the
 * command has no such name, the server does not start. Written against the module API as Redis documents it, whose header Debian
 * does not ship. */

#include <stddef.h>

#define REFUSED 1
#define API_VERSION 1

/* The first member of a context is what looks functions up. */
struct context {
    int (*function)(const char *name, void *place);
};

int RedisModule_OnLoad(struct context *context, void **arguments, int count)
{
    void (*set_attributes)(struct context *, const char *, int, int) = NULL;
    void *(*call)(struct context *, const char *, const char *, ...) = NULL;
    size_t (*length)(void *) = NULL;
    (void)arguments;
    (void)count;
    if (context->function("RedisModule_SetModuleAttribs", &set_attributes)
        || context->function("RedisModule_Call", &call)
        || context->function("RedisModule_CallReplyLength", &length))
        return REFUSED;
    set_attributes(context, "asks-config", 1, API_VERSION);
    void *answer = call(context, "CONFIG", "cc", "GET", "maxmemory");
    return answer && length(answer) == 2 ? 0 : REFUSED;
}
