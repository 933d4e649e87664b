/* edgeimg-qjsc IN.js OUT.qjb: the build machine's compiler of apps. */
#include <stdio.h>
#include <string.h>

#include "bytecode_write.h"

static int no_exports(JSContext *ctx, JSModuleDef *module) {
  (void)ctx;
  (void)module;
  return 0;
}

/* The app's imports (edge:*) are modules of the board: here their names are enough. */
static JSModuleDef *load(JSContext *ctx, const char *name, void *opaque) {
  (void)opaque;
  if (strncmp(name, "edge:", 5) != 0) {
    JS_ThrowReferenceError(ctx, "there is no module \"%s\"", name);
    return NULL;
  }
  return JS_NewCModule(ctx, name, no_exports);
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fputs("usage: edgeimg-qjsc main.js main.qjb\n", stderr);
    return 2;
  }
  int status = 1;
  JSRuntime *rt = JS_NewRuntime();
  JSContext *ctx = rt ? JS_NewContext(rt) : NULL;
  if (ctx) {
    edge_bytecode_setup(rt);
    JS_SetModuleLoaderFunc(rt, NULL, load, NULL);
    status = edge_bytecode_compile(ctx, argv[1], argv[2]);
    JS_FreeContext(ctx);
  } else {
    fputs("edgeimg-qjsc: out of memory\n", stderr);
  }
  if (rt) JS_FreeRuntime(rt);
  return status;
}
