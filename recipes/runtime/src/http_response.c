/* Responses: checked, then written in pieces, each after the kernel has taken the one before. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http.h"

static void on_written(uv_write_t *write, int status);

static const char *constant_name(int status) {
  switch (status) {
#define REASON(number, name, text) \
  case number: return #name;
    HTTP_STATUS_MAP(REASON)
#undef REASON
  }
  return "STATUS";
}

/* NOT_FOUND as "Not Found", in the connection's own memory. */
static const char *reason(edge_connection *connection, int status) {
  char *text = connection->reason;
  snprintf(text, sizeof connection->reason, "%s", constant_name(status));
  if (status == 200) return text;
  for (char *at = text; *at; at++) {
    bool first = at == text || at[-1] == ' ';
    if (*at == '_') *at = ' ';
    else if (!first && *at >= 'A' && *at <= 'Z') *at = (char)(*at + 32);
  }
  return text;
}

static bool has_body(const edge_connection *connection, int status) {
  return status != 204 && status != 304 && connection->parser.method != HTTP_HEAD;
}

static void write_piece(edge_connection *connection) {
  uv_buf_t parts[2];
  unsigned count = 0;
  if (connection->head.len) parts[count++] = uv_buf_init(connection->head.data, (unsigned)connection->head.len);
  size_t left = connection->body.len - connection->sent;
  if (left > EDGE_HTTP_CHUNK) left = EDGE_HTTP_CHUNK;
  if (left) parts[count++] = uv_buf_init((char *)connection->body.bytes + connection->sent, (unsigned)left);
  connection->sent += left;
  connection->write.data = connection;
  if (uv_write(&connection->write, (uv_stream_t *)&connection->tcp, parts, count, on_written))
    edge_connection_close(connection);
}

/* A client that takes nothing for the whole time loses its connection, also one that takes a little now and then. */
static void limit(edge_connection *connection) {
  int64_t ms = connection->server->timeout_ms;
  uint64_t now = uv_now(&connection->server->host->loop);
  int64_t left = connection->write_until_ms > now ? (int64_t)(connection->write_until_ms - now) : 1;
  edge_connection_limit(connection, left < ms ? left : ms);
}

static void on_written(uv_write_t *write, int status) {
  edge_connection *connection = write->data;
  if (connection->state != HTTP_WRITING) return;
  edge_host *host = connection->server->host;
  if (status) {
    edge_connection_close(connection);
    return;
  }
  connection->head.len = 0;
  if (connection->sent < connection->body.len) {
    limit(connection);
    write_piece(connection);
    return;
  }
  edge_buf_free(&connection->head);
  JS_FreeValue(host->ctx, connection->body.owner);
  connection->body = (edge_view){.owner = JS_UNDEFINED};
  edge_connection_next(connection);
  edge_host_pump(host);
}

/* Ends the head and starts writing. `body` is taken. */
static void send_head(edge_connection *connection, int status, edge_view body) {
  bool body_allowed = status != 204 && status != 304;
  connection->sent = 0;
  connection->body = body;
  if (connection->eof || connection->server->closing) connection->request.keep_alive = false;
  if (body_allowed) edge_buf_printf(&connection->head, "Content-Length: %zu\r\n", body.len);
  edge_buf_printf(&connection->head, "Connection: %s\r\n\r\n", connection->request.keep_alive ? "keep-alive" : "close");
  if (!has_body(connection, status)) connection->body.len = 0;
  if (connection->head.failed) {
    edge_connection_close(connection);
    return;
  }
  connection->state = HTTP_WRITING;
  uv_update_time(&connection->server->host->loop);
  connection->write_until_ms = uv_now(&connection->server->host->loop) + (uint64_t)connection->server->timeout_ms +
                               connection->body.len / EDGE_HTTP_SLOWEST;
  limit(connection);
  write_piece(connection);
}

void edge_respond_error(edge_connection *connection, int status) {
  edge_view body = {.owner = JS_UNDEFINED};
  connection->request.keep_alive = false;
  edge_buf_free(&connection->head);
  edge_buf_printf(&connection->head, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n", status,
                  reason(connection, status));
  body.bytes = (uint8_t *)connection->reason;
  body.len = strlen(connection->reason);
  send_head(connection, status, body);
}

bool edge_is_token_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(const char *text) {
  if (!*text) return false;
  for (; *text; text++)
    if (!edge_is_token_char(*text)) return false;
  return true;
}

/* Without control characters: nobody can end a header early. */
static bool is_value(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)text[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
  }
  return true;
}

/* These say how the message is framed, which is the server's business. */
static bool is_ours(const char *name) {
  return strcasecmp(name, "connection") == 0 || strcasecmp(name, "content-length") == 0 ||
         strcasecmp(name, "transfer-encoding") == 0 || strcasecmp(name, "keep-alive") == 0;
}

static int add_header(JSContext *ctx, JSValueConst headers, JSAtom atom, edge_buf *head, bool *has_type) {
  size_t len = 0;
  JSValue value = JS_GetProperty(ctx, headers, atom);
  const char *name = JS_AtomToCString(ctx, atom);
  const char *text = JS_IsException(value) ? NULL : JS_ToCStringLen(ctx, &len, value);
  int status = name && text ? 0 : -1;
  if (!status && (!is_token(name) || !is_value(text, len))) {
    JS_ThrowTypeError(ctx, "the response's header \"%s\" is malformed", name);
    status = -1;
  }
  if (!status && !is_ours(name)) {
    edge_buf_printf(head, "%s: %s\r\n", name, text);
    if (strcasecmp(name, "content-type") == 0) *has_type = true;
  }
  JS_FreeCString(ctx, name);
  JS_FreeCString(ctx, text);
  JS_FreeValue(ctx, value);
  return status;
}

static int add_headers(JSContext *ctx, JSValueConst response, edge_buf *head, bool *has_type) {
  JSPropertyEnum *names;
  uint32_t count;
  JSValue headers = JS_GetPropertyStr(ctx, response, "headers");
  if (JS_IsException(headers)) return -1;
  if (JS_IsUndefined(headers)) return 0;
  int status = JS_GetOwnPropertyNames(ctx, &names, &count, headers, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY);
  if (status == 0) {
    for (uint32_t i = 0; i < count; i++) {
      if (!status) status = add_header(ctx, headers, names[i].atom, head, has_type);
      JS_FreeAtom(ctx, names[i].atom);
    }
    js_free(ctx, names);
  }
  JS_FreeValue(ctx, headers);
  return status;
}

int edge_respond_js(JSContext *ctx, edge_connection *connection, JSValueConst response) {
  static const char *const known[] = {"status", "headers", "body", NULL};
  int64_t status = 200;
  bool has_type = false;
  edge_view view = {.owner = JS_UNDEFINED};
  edge_buf head = {0};
  if (!JS_IsObject(response)) {
    JS_ThrowTypeError(ctx, "a handler must answer with an object {status, headers, body}");
    return -1;
  }
  if (edge_check_keys(ctx, response, "the response", known)) return -1;
  if (edge_get_int(ctx, response, "status", true, 200, 599, &status)) return -1;
  JSValue body = JS_GetPropertyStr(ctx, response, "body");
  if (JS_IsException(body)) return -1;
  bool text = JS_IsString(body);
  int error = JS_IsUndefined(body) || JS_IsNull(body) ? 0 : edge_view_data(ctx, body, "the response's body", &view);
  JS_FreeValue(ctx, body);
  if (error) return -1;
  edge_buf_printf(&head, "HTTP/1.1 %d %s\r\n", (int)status, reason(connection, (int)status));
  if (add_headers(ctx, response, &head, &has_type)) {
    edge_buf_free(&head);
    JS_FreeValue(ctx, view.owner);
    return -1;
  }
  if (text && !has_type) edge_buf_str(&head, "Content-Type: text/plain; charset=utf-8\r\n");
  edge_buf_free(&connection->head);
  connection->head = head;
  send_head(connection, (int)status, view);
  return 0;
}
