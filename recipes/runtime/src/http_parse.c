/* llhttp's callbacks: collect one request within the limits. */
#include <string.h>
#include <strings.h>

#include "http.h"

static edge_connection *of(llhttp_t *parser) { return parser->data; }

/* Makes the parser stop with the status that is to be answered. */
static int refuse(llhttp_t *parser, int status) {
  of(parser)->request.error = status;
  return HPE_USER;
}

/* Everything but the body counts, also trailers and chunk extensions. */
static bool count_head(edge_request *request, size_t len) {
  request->head_bytes += len;
  return request->head_bytes <= EDGE_HTTP_HEAD_LIMIT;
}

static int on_begin(llhttp_t *parser) {
  of(parser)->request.begun = true;
  return 0;
}

/* llhttp takes RTSP and ICE for HTTP: looks at the five characters before the version, part of which may have come earlier. */
static int on_version(llhttp_t *parser, const char *at, size_t len) {
  static const char name[5] = {'H', 'T', 'T', 'P', '/'};
  edge_connection *connection = of(parser);
  (void)len;
  if (connection->request.version_seen) return 0;
  connection->request.version_seen = true;
  size_t here = (size_t)(at - connection->feed);
  for (size_t i = 0; i < sizeof name; i++) {
    size_t back = sizeof name - i; /* characters before `at` */
    char c = back <= here ? at[-(ptrdiff_t)back] : connection->before[sizeof name + here - back];
    if (c != name[i]) return refuse(parser, 400);
  }
  return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t len) {
  edge_request *request = &of(parser)->request;
  if (request->url.len + len > EDGE_HTTP_URL_LIMIT) return refuse(parser, 414);
  if (!count_head(request, len)) return refuse(parser, 431);
  edge_buf_append(&request->url, at, len);
  return 0;
}

static int on_extension(llhttp_t *parser, const char *at, size_t len) {
  (void)at;
  return count_head(&of(parser)->request, len + 1) ? 0 : refuse(parser, 431);
}

static int on_field(llhttp_t *parser, const char *at, size_t len) {
  edge_request *request = &of(parser)->request;
  if (!count_head(request, len)) return refuse(parser, 431);
  if (request->head_done) return 0;
  size_t start = request->headers.len;
  edge_buf_append(&request->headers, at, len);
  for (size_t i = start; i < request->headers.len; i++) {
    char c = request->headers.data[i];
    if (c >= 'A' && c <= 'Z') request->headers.data[i] = (char)(c + 32);
  }
  return 0;
}

static int on_field_complete(llhttp_t *parser) {
  edge_request *request = &of(parser)->request;
  if (request->head_done) return 0;
  if (++request->header_count > EDGE_HTTP_HEADERS_LIMIT) return refuse(parser, 431);
  edge_buf_append(&request->headers, "", 1);
  return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len) {
  edge_request *request = &of(parser)->request;
  if (!count_head(request, len)) return refuse(parser, 431);
  if (memchr(at, 0, len)) return refuse(parser, 400);
  if (!request->head_done) edge_buf_append(&request->headers, at, len);
  return 0;
}

/* One whole header stands from field_start on. */
static int on_value_complete(llhttp_t *parser) {
  edge_request *request = &of(parser)->request;
  if (request->head_done) return 0;
  edge_buf_append(&request->headers, "", 1);
  if (request->headers.failed) return refuse(parser, 503);
  const char *name = request->headers.data + request->field_start;
  const char *value = name + strlen(name) + 1;
  request->field_start = request->headers.len;
  if (strcmp(name, "host") == 0) request->host_count++;
  if (strcmp(name, "expect") != 0) return 0;
  if (strcasecmp(value, "100-continue") != 0) return refuse(parser, 417);
  request->expects = true;
  return 0;
}

/* CONNECT is for proxies, SOURCE and the numbers from PRI to FLUSH belong to other protocols. */
static bool is_http_method(uint8_t method) {
  switch (method) {
#define METHOD(number, name, text) case number:
    HTTP_METHOD_MAP(METHOD)
#undef METHOD
    return method != HTTP_CONNECT && method != HTTP_SOURCE;
  }
  return false;
}

static int on_headers_complete(llhttp_t *parser) {
  edge_connection *connection = of(parser);
  edge_request *request = &connection->request;
  request->head_done = true;
  if (parser->http_major == 0) return refuse(parser, 400);
  if (parser->http_major != 1 || parser->http_minor > 1) return refuse(parser, 505);
  if (parser->http_minor == 1 && request->host_count != 1) return refuse(parser, 400);
  if (parser->http_minor == 0) request->expects = false;
  /* RFC 9112 6.1: its framing cannot be trusted. */
  if (parser->http_minor == 0 && (parser->flags & F_TRANSFER_ENCODING)) return refuse(parser, 400);
  if (!is_http_method(parser->method)) return refuse(parser, 501);
  if ((parser->flags & F_CONTENT_LENGTH) && parser->content_length > (uint64_t)connection->server->max_body)
    return refuse(parser, 413);
  return 0;
}

/* The size is refused when it is announced: no client waits for what cannot come. */
static int on_chunk_header(llhttp_t *parser) {
  edge_connection *connection = of(parser);
  uint64_t left = (uint64_t)connection->server->max_body - connection->request.body.len;
  return parser->content_length > left ? refuse(parser, 413) : 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len) {
  edge_connection *connection = of(parser);
  edge_server *server = connection->server;
  edge_host *host = server->host;
  edge_request *request = &connection->request;
  size_t budget = (size_t)server->max_bodies;
  if (len > (size_t)server->max_body - request->body.len) return refuse(parser, 413);
  if (len > budget || host->body_bytes > budget - len) return refuse(parser, 503);
  edge_buf_append(&request->body, at, len);
  if (request->body.failed) return refuse(parser, 503);
  host->body_bytes += len;
  request->expects = false;
  return 0;
}

static int on_complete(llhttp_t *parser) {
  edge_request *request = &of(parser)->request;
  request->complete = true;
  request->keep_alive = llhttp_should_keep_alive(parser) && !parser->upgrade;
  return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_version = on_version,
    .on_header_field = on_field,
    .on_header_field_complete = on_field_complete,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_chunk_extension_name = on_extension,
    .on_chunk_extension_value = on_extension,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

void edge_parser_init(edge_connection *connection) {
  llhttp_init(&connection->parser, HTTP_REQUEST, &settings);
  connection->parser.data = connection;
}

void edge_request_reset(edge_connection *connection) {
  edge_request *request = &connection->request;
  connection->server->host->body_bytes -= request->body.len;
  edge_buf_free(&request->url);
  edge_buf_free(&request->headers);
  edge_buf_free(&request->body);
  memset(request, 0, sizeof *request);
}

/* Whether a method that llhttp does not know, from its first unknown character on, is one by its form. */
static bool is_method(const char *at, const char *end) {
  const char *start = at;
  while (at < end && (edge_is_token_char(*at))) at++;
  return at > start && (at == end || *at == ' ');
}

static void remember(edge_connection *connection, const char *bytes, size_t len) {
  size_t size = sizeof connection->before;
  size_t used = len < size ? len : size;
  memmove(connection->before, connection->before + used, size - used);
  memcpy(connection->before + size - used, bytes + len - used, used);
}

size_t edge_parser_feed(edge_connection *connection, const char *bytes, size_t len) {
  llhttp_t *parser = &connection->parser;
  edge_request *request = &connection->request;
  connection->feed = bytes;
  llhttp_errno_t error = llhttp_execute(parser, bytes, len);
  remember(connection, bytes, len);
  if (error == HPE_OK) return len;
  if (error == HPE_PAUSED || error == HPE_PAUSED_UPGRADE) {
    const char *end = llhttp_get_error_pos(parser);
    if (error == HPE_PAUSED) llhttp_resume(parser);
    else llhttp_resume_after_upgrade(parser);
    return end >= bytes && end <= bytes + len ? (size_t)(end - bytes) : len;
  }
  request->complete = false;
  if (error == HPE_INVALID_METHOD && is_method(llhttp_get_error_pos(parser), bytes + len)) request->error = 501;
  /* llhttp knows the method, but not of HTTP. */
  if (error == HPE_INVALID_CONSTANT && request->url.len && !is_http_method(parser->method)) request->error = 501;
  if (!request->error) request->error = 400;
  return len;
}
