/* JPEG by libjpeg-turbo, turned upright. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "image_decode.h"

/* A progressive picture may repeat a few bytes' worth of scans thousands of times. */
#define SCANS_LIMIT 200
#define SEGMENT_LIMIT 65533
/* Webcams leave a byte or two before restart markers. */
#define STRAY_LIMIT 2

typedef struct {
  struct jpeg_error_mgr base;
  jmp_buf jump;
  char *message;
  size_t size;
} error_manager;

typedef struct {
  struct jpeg_progress_mgr base;
  bool seen[MAX_COMPONENTS]; /* components that a scan has held so far */
} progress_manager;

static _Noreturn void refuse(j_common_ptr info, const char *why) {
  error_manager *manager = (error_manager *)info->err;
  snprintf(manager->message, manager->size, "cannot decode the JPEG: %s", why);
  longjmp(manager->jump, 1);
}

#define CONVERT "; convert it, for example with `magick in.jpg -depth 8 out.png`"

static void on_error(j_common_ptr info) {
  const struct jpeg_error_mgr *error = info->err;
  char text[JMSG_LENGTH_MAX + 80];
  error->format_message(info, text);
  if (error->msg_code == JERR_BAD_PRECISION)
    snprintf(text, sizeof text, "it has %d bits per sample, not 8" CONVERT, error->msg_parm.i[0]);
  if (error->msg_code == JERR_SOF_UNSUPPORTED)
    snprintf(text, sizeof text, "its coding is %s (SOF%d)" CONVERT,
             error->msg_parm.i[0] == 0xc3 || error->msg_parm.i[0] == 0xcb ? "lossless" : "hierarchical",
             error->msg_parm.i[0] - 0xc0);
  refuse(info, text);
}

/* Bytes before a marker that do no harm: in the header, where all that is needed is looked for later; a webcam's few; and
 * a camera's padding of zeros. More of them in a scan are pixels that have no place in the picture. */
static bool harmless(j_decompress_ptr decoder) {
  size_t count = (size_t)decoder->err->msg_parm.i[0];
  if (decoder->input_scan_number == 0 || count <= STRAY_LIMIT) return true;
  const JOCTET *marker = decoder->src->next_input_byte; /* its 0xff; all of the file is in memory */
  while (count > 0 && marker[-1] == 0) marker--, count--;
  return count == 0;
}

/* The library goes on after damage, with grey or with blocks in the wrong place. JPEG has no checksum: these are all the
 * signs there are. */
static void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  info->err->num_warnings++;
  switch (info->err->msg_code) {
    case JWRN_ADOBE_XFORM:    /* what follows from it is guessed as everywhere */
    case JWRN_JFIF_MAJOR:     /* of no use */
    case JWRN_NOT_SEQUENTIAL: /* parameters that a sequential scan ignores */
      return;
    case JWRN_EXTRANEOUS_DATA:
      if (harmless((j_decompress_ptr)info)) return;
  }
  on_error(info);
}

/* Called at least once in each scan of a picture that has several. */
static void on_progress(j_common_ptr info) {
  j_decompress_ptr decoder = (j_decompress_ptr)info;
  progress_manager *progress = (progress_manager *)info->progress;
  for (int i = 0; i < decoder->comps_in_scan; i++) progress->seen[decoder->cur_comp_info[i]->component_index] = true;
  if (decoder->input_scan_number <= SCANS_LIMIT) return;
  char text[40];
  snprintf(text, sizeof text, "more than %d scans", SCANS_LIMIT);
  refuse(info, text);
}

/* Scans that are missing at the end, for a file that was cut between two of them and closed again. */
static void check_scans(j_decompress_ptr decoder) {
  const progress_manager *progress = (progress_manager *)decoder->progress;
  for (int component = 0; component < decoder->num_components; component++) {
    bool missing = jpeg_has_multiple_scans(decoder) && !progress->seen[component];
    /* -1: nothing came; above 0: the lowest bits did not come. A picture may do without all but the first coefficient. */
    const int *bits = decoder->progressive_mode ? decoder->coef_bits[component] : NULL;
    if (bits && bits[0] != 0) missing = true;
    for (int k = 1; bits && k < DCTSIZE2; k++)
      if (bits[k] > 0) missing = true;
    if (missing) refuse((j_common_ptr)decoder, "its last scans are missing");
  }
}

/* The first EXIF block among the segments, which may be in any order: XMP uses APP1 as well. */
static int find_orientation(j_decompress_ptr decoder) {
  for (jpeg_saved_marker_ptr marker = decoder->marker_list; marker; marker = marker->next)
    if (marker->data_length >= 6 && memcmp(marker->data, "Exif\0\0", 6) == 0)
      return edge_exif_orientation(marker->data, marker->data_length);
  return 1;
}

/* One row of CMYK to RGB in place. The samples are inverted, as Adobe writes them: so they are taken also where no Adobe
 * segment says so, as in other decoders. */
static void cmyk_row(uint8_t *row, int32_t width) {
  for (int32_t x = 0; x < width; x++) {
    const uint8_t *cmyk = row + (size_t)x * 4;
    uint8_t rgb[3];
    for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)((cmyk[c] * (unsigned)cmyk[3] + 127) / 255);
    memcpy(row + (size_t)x * 3, rgb, 3);
  }
}

/* Memory that must be freed after a jump: volatile pointers live in this struct. */
typedef struct {
  struct jpeg_decompress_struct decoder;
  error_manager errors;
  progress_manager progress;
  uint8_t *pixels, *row;
  int orientation;
} session;

static void read_rows(session *s, edge_image *out) {
  j_decompress_ptr decoder = &s->decoder;
  bool cmyk = decoder->out_color_space == JCS_CMYK;
  size_t stride = (size_t)out->width * 3;
  s->row = cmyk ? malloc((size_t)out->width * 4) : NULL;
  if (cmyk && !s->row) ERREXIT1(decoder, JERR_OUT_OF_MEMORY, 1);
  while (decoder->output_scanline < decoder->output_height) {
    uint8_t *target = s->pixels + (size_t)decoder->output_scanline * stride;
    JSAMPROW rows[1] = {cmyk ? s->row : target};
    if (jpeg_read_scanlines(decoder, rows, 1) != 1) continue;
    if (!cmyk) continue;
    cmyk_row(s->row, out->width);
    memcpy(target, s->row, stride);
  }
}

static void decode(session *s, const uint8_t *bytes, size_t len, int64_t max_pixels, edge_image *out) {
  j_decompress_ptr decoder = &s->decoder;
  jpeg_mem_src(decoder, bytes, (unsigned long)len);
  jpeg_save_markers(decoder, JPEG_APP0 + 1, SEGMENT_LIMIT);
  jpeg_read_header(decoder, TRUE);
  if (decoder->data_precision != 8) ERREXIT1(decoder, JERR_BAD_PRECISION, decoder->data_precision);
  bool cmyk = decoder->jpeg_color_space == JCS_CMYK || decoder->jpeg_color_space == JCS_YCCK;
  decoder->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  decoder->dct_method = JDCT_ISLOW; /* the same bits on every core */
  if (!edge_decode_size(decoder->image_width, decoder->image_height, max_pixels, out, s->errors.message, s->errors.size))
    longjmp(s->errors.jump, 1);
  s->pixels = malloc(edge_image_bytes(out));
  if (!s->pixels) ERREXIT1(decoder, JERR_OUT_OF_MEMORY, 0);
  s->orientation = find_orientation(decoder);
  jpeg_start_decompress(decoder);
  read_rows(s, out);
  check_scans(decoder);
  jpeg_finish_decompress(decoder); /* reads on to the end of the picture */
}

bool edge_jpeg_decode(const uint8_t *bytes, size_t len, int64_t max_pixels, edge_image *out, char *message,
                      size_t size) {
  session *s = calloc(1, sizeof *s);
  if (!s) {
    snprintf(message, size, "out of memory");
    return false;
  }
  s->decoder.err = jpeg_std_error(&s->errors.base);
  s->errors.base.error_exit = on_error;
  s->errors.base.emit_message = on_message;
  s->errors.message = message;
  s->errors.size = size;
  volatile bool ok = false;
  if (setjmp(s->errors.jump) == 0) {
    jpeg_create_decompress(&s->decoder);
    s->progress.base.progress_monitor = on_progress;
    s->decoder.progress = &s->progress.base;
    decode(s, bytes, len, max_pixels, out);
    ok = true;
  }
  jpeg_destroy_decompress(&s->decoder);
  free(s->row);
  if (ok) ok = edge_decode_upright(s->pixels, s->orientation, out, message, size);
  else free(s->pixels);
  free(s);
  return ok;
}
