/* The request as a JavaScript object. */
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "utf8.h"

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* Appends `text` with its escapes decoded. False for a malformed escape or a 0. */
static bool decode(edge_buf *out, const char *text, size_t len, bool plus) {
  bool ok = true;
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    if (c == '%') {
      int high = i + 2 < len ? hex(text[i + 1]) : -1;
      int low = high >= 0 ? hex(text[i + 2]) : -1;
      if (low >= 0) {
        c = (char)(high * 16 + low);
        i += 2;
        if (c == 0) ok = false;
      } else {
        ok = false;
      }
    } else if (c == '+' && plus) {
      c = ' ';
    }
    edge_buf_append(out, &c, 1);
  }
  return ok;
}

/* Takes "." and ".." out of a path that starts with "/", in place: an app may then join it to a folder. */
static void remove_dots(edge_buf *path) {
  char *text = path->data;
  size_t used = 0, at = 0;
  while (at < path->len) {
    size_t part = 1;
    while (at + part < path->len && text[at + part] != '/') part++;
    bool last = at + part == path->len;
    bool dot = part == 2 && text[at + 1] == '.';
    bool dots = part == 3 && text[at + 1] == '.' && text[at + 2] == '.';
    if (dots)
      while (used > 0 && text[--used] != '/') continue;
    if (!dot && !dots) {
      memmove(text + used, text + at, part);
      used += part;
    } else if (last) {
      text[used++] = '/';
    }
    at += part;
  }
  path->len = used;
  text[used] = 0;
}

static JSValue make_path(JSContext *ctx, const char *text, size_t len) {
  edge_buf path = {0};
  JSValue result = JS_UNDEFINED;
  if (decode(&path, text, len, false) && !path.failed && path.len > 0 && path.data[0] == '/') {
    remove_dots(&path);
    result = edge_new_text(ctx, (const uint8_t *)path.data, path.len, false);
  }
  edge_buf_free(&path);
  return result;
}

static JSValue make_query(JSContext *ctx, const char *text, size_t len) {
  JSValue query = JS_NewObjectProto(ctx, JS_NULL);
  for (size_t at = 0; at < len;) {
    const char *item = text + at;
    const char *end = memchr(item, '&', len - at);
    size_t item_len = end ? (size_t)(end - item) : len - at;
    const char *equals = memchr(item, '=', item_len);
    size_t name_len = equals ? (size_t)(equals - item) : item_len;
    edge_buf name = {0}, value = {0}, clean = {0};
    decode(&name, item, name_len, true);
    if (equals) decode(&value, equals + 1, item_len - name_len - 1, true);
    if (name.len) {
      edge_utf8_clean(&clean, (const uint8_t *)name.data, name.len);
      JSAtom atom = clean.failed ? JS_ATOM_NULL : JS_NewAtomLen(ctx, clean.data, clean.len);
      if (atom != JS_ATOM_NULL)
        JS_DefinePropertyValue(ctx, query, atom,
                               edge_new_text(ctx, (const uint8_t *)(value.data ? value.data : ""), value.len, false),
                               JS_PROP_C_W_E);
      JS_FreeAtom(ctx, atom);
    }
    edge_buf_free(&name);
    edge_buf_free(&value);
    edge_buf_free(&clean);
    at += item_len + 1;
  }
  return query;
}

/* Repeated headers are joined as RFC 9110 5.3 has it; cookies by "; ". */
static JSValue make_headers(JSContext *ctx, const edge_buf *headers) {
  JSValue object = JS_NewObjectProto(ctx, JS_NULL);
  for (size_t at = 0; at < headers->len;) {
    const char *name = headers->data + at;
    const char *value = name + strlen(name) + 1;
    at += strlen(name) + 1 + strlen(value) + 1;
    JSAtom atom = JS_NewAtom(ctx, name);
    JSValue before = JS_GetProperty(ctx, object, atom);
    const char *old = JS_IsString(before) ? JS_ToCString(ctx, before) : NULL;
    edge_buf joined = {0};
    if (old) edge_buf_printf(&joined, "%s%s", old, strcmp(name, "cookie") == 0 ? "; " : ", ");
    edge_buf_str(&joined, value);
    JS_DefinePropertyValue(ctx, object, atom,
                           edge_new_text(ctx, (const uint8_t *)(joined.data ? joined.data : ""), joined.len, false),
                           JS_PROP_C_W_E);
    edge_buf_free(&joined);
    JS_FreeCString(ctx, old);
    JS_FreeValue(ctx, before);
    JS_FreeAtom(ctx, atom);
  }
  return object;
}

static JSValue make_remote(JSContext *ctx, const edge_connection *connection) {
  struct sockaddr_storage address;
  int len = sizeof address;
  char text[64] = "";
  if (uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&address, &len) == 0)
    uv_ip_name((const struct sockaddr *)&address, text, sizeof text);
  return JS_NewString(ctx, strncmp(text, "::ffff:", 7) == 0 ? text + 7 : text);
}

/* What an ArrayBuffer counts for; owned by it. The host outlives all of JavaScript's objects. */
typedef struct {
  edge_host *host;
  size_t len;
} counted;

static void free_body(JSRuntime *rt, void *opaque, void *data) {
  counted *self = opaque;
  (void)rt;
  self->host->body_bytes -= self->len;
  free(self);
  free(data);
}

/* Hands the body over; it counts until JavaScript has let go of it. */
static JSValue make_body(JSContext *ctx, edge_connection *connection) {
  edge_buf *body = &connection->request.body;
  if (body->len == 0) return JS_NewArrayBufferCopy(ctx, NULL, 0);
  counted *self = malloc(sizeof *self);
  if (!self) return JS_ThrowOutOfMemory(ctx);
  *self = (counted){.host = connection->server->host, .len = body->len};
  JSValue buffer = JS_NewArrayBuffer(ctx, (uint8_t *)body->data, body->len, free_body, self, false);
  if (JS_IsException(buffer)) {
    free(self); /* the request keeps its body */
    return buffer;
  }
  memset(body, 0, sizeof *body);
  return buffer;
}

JSValue edge_request_make(JSContext *ctx, edge_connection *connection) {
  const edge_request *request = &connection->request;
  const char *url = request->url.data ? request->url.data : "";
  size_t len = request->url.len;
  /* A proxy's form: "http://host/path". */
  if (len > 7 && strncmp(url, "http://", 7) == 0) {
    size_t skip = 7 + strcspn(url + 7, "/?");
    url += skip;
    len -= skip;
    if (len == 0) url = "/", len = 1;
  }
  const char *mark = memchr(url, '?', len);
  size_t path_len = mark ? (size_t)(mark - url) : len;
  bool star = path_len == 1 && *url == '*' && connection->parser.method == HTTP_OPTIONS;
  JSValue path = star ? JS_NewString(ctx, "*") : make_path(ctx, url, path_len);
  if (!JS_IsString(path)) return path;
  JSValue object = JS_NewObject(ctx);
  JS_SetPropertyStr(ctx, object, "method",
                    JS_NewString(ctx, llhttp_method_name((llhttp_method_t)connection->parser.method)));
  JS_SetPropertyStr(ctx, object, "path", path);
  JS_SetPropertyStr(ctx, object, "query", make_query(ctx, mark ? mark + 1 : "", mark ? len - path_len - 1 : 0));
  JS_SetPropertyStr(ctx, object, "headers", make_headers(ctx, &request->headers));
  JSValue body = make_body(ctx, connection);
  if (JS_IsException(body)) {
    JS_FreeValue(ctx, object);
    return body;
  }
  JS_SetPropertyStr(ctx, object, "body", body);
  JS_SetPropertyStr(ctx, object, "remote", make_remote(ctx, connection));
  return object;
}
