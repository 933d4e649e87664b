/* The "edge:" modules by name. Nothing else can be imported: an app is one bundle. */
#include <string.h>

#include "host.h"

static const struct {
  const char *name;
  JSModuleDef *(*make)(JSContext *ctx, const char *name);
} modules[] = {
    {"edge:fs", edge_module_fs}, {"edge:http", edge_module_http},       {"edge:image", edge_module_image},
    {"edge:nn", edge_module_nn}, {"edge:kernels", edge_module_kernels}, {"edge:process", edge_module_process},
};

JSModuleDef *edge_module_load(JSContext *ctx, const char *name, void *opaque) {
  (void)opaque;
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
    if (strcmp(name, modules[i].name) == 0) return modules[i].make(ctx, name);
  JS_ThrowReferenceError(ctx, "no module \"%s\": an app is one bundle and may import edge:fs, edge:http, edge:image, "
                              "edge:kernels, edge:nn and edge:process only", name);
  return NULL;
}
