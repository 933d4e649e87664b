/* Which format it is by its first bytes, and what to say of one that is not decoded. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "image_decode.h"

/* As much as is looked through for text and for brands. */
#define HEAD 1024

typedef struct {
  uint8_t at, len;
  const char *magic;
  const char *name;
  const char *tool; /* a command that makes a picture of it; NULL when it holds none */
} signature;

#define AT(offset, magic, name, tool) {offset, sizeof(magic) - 1, magic, name, tool}

/* The longer one first where one begins like another. */
static const signature signatures[] = {
    AT(0, "\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL", "djxl in.jxl out.png"),
    AT(0, "\xff\x0a", "JPEG XL", "djxl in.jxl out.png"),
    AT(0, "\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000", "magick in.jp2 out.png"),
    AT(0, "\xff\x4f\xff\x51", "JPEG 2000", "magick in.j2k out.png"),
    AT(0, "\xff\xd8\xff\xf7", "JPEG-LS", "ffmpeg -i in.jls out.png"),
    AT(0, "II\xbc", "JPEG XR", "JxrDecApp -i in.jxr -o out.bmp"),
    AT(0, "GIF8", "GIF", "magick in.gif[0] out.png"),
    AT(0, "II*\0\x10\0\0\0CR", "a camera's raw file (CR2)", "dcraw_emu -T in.cr2"),
    AT(0, "II*\0", "TIFF", "magick in.tif out.png"),
    AT(0, "MM\0*", "TIFF", "magick in.tif out.png"),
    AT(0, "II+\0", "TIFF", "magick in.tif out.png"),
    AT(0, "MM\0+", "TIFF", "magick in.tif out.png"),
    AT(8, "AVI ", "an AVI video", "ffmpeg -i in.avi -frames:v 1 out.png"),
    AT(0, "\x1a\x45\xdf\xa3", "a Matroska or WebM video", "ffmpeg -i in.webm -frames:v 1 out.png"),
    AT(0, "\0\0\x01\0", "an icon (ICO)", "magick in.ico out.png"),
    AT(0, "8BPS", "a Photoshop file", "magick in.psd[0] out.png"),
    AT(0, "qoif", "QOI", "magick in.qoi out.png"),
    AT(0, "\x76\x2f\x31\x01", "OpenEXR", "magick in.exr out.png"),
    AT(0, "DDS ", "DDS", "magick in.dds out.png"),
    AT(0, "#?RADIANCE", "Radiance HDR", "magick in.hdr out.png"),
    AT(0, "\x8aMNG\r\n\x1a\n", "MNG", "magick in.mng[0] out.png"),
    AT(0, "FUJIFILM", "a camera's raw file (RAF)", "dcraw_emu -T in.raf"),
    AT(0, "BM", "BMP", "magick in.bmp out.png"),
    AT(0, "%PDF-", "PDF", "pdftoppm -png -r 300 in.pdf out"),
    AT(0, "%!PS", "PostScript", "gs -sDEVICE=png16m -o out.png in.ps"),
    AT(0, "PK\x03\x04", "a zip archive", NULL),
    AT(0, "\x1f\x8b", "a gzip file", NULL),
    AT(0, "\x89PNG\r\n\x1a\n", "PNG", NULL), /* for one with CgBI: see below */
    AT(0, "\x89PNG", "a PNG that was changed as if it were text (its line ends)", NULL),
};

/* ISO base media files say in `ftyp` what they are: HEIF's brands are in ISO/IEC 23008-12, AVIF's in its own document. */
static const signature brands[] = {
    AT(0, "avi", "AVIF", "avifdec in.avif out.png"),
    AT(0, "heic", "HEIC", "heif-convert in.heic out.jpg"),
    AT(0, "heix", "HEIC", "heif-convert in.heic out.jpg"),
    AT(0, "hevc", "HEIC", "heif-convert in.heic out.jpg"),
    AT(0, "hevx", "HEIC", "heif-convert in.heic out.jpg"),
    AT(0, "hei", "HEIC", "heif-convert in.heic out.jpg"),
    AT(0, "crx ", "a camera's raw file (CR3)", "dcraw_emu -T in.cr3"),
    AT(0, "mif1", "HEIF", "heif-convert in.heif out.jpg"),
    AT(0, "msf1", "HEIF", "heif-convert in.heif out.jpg"),
};

/* Words that text begins with, after blanks, in any case. */
static const signature words[] = {
    AT(0, "<svg", "SVG", "rsvg-convert in.svg -o out.png"),
    AT(0, "<!doctype svg", "SVG", "rsvg-convert in.svg -o out.png"),
    AT(0, "<!doctype html", "an HTML page, perhaps what a server answered instead of the picture", NULL),
    AT(0, "<html", "an HTML page, perhaps what a server answered instead of the picture", NULL),
    AT(0, "{", "JSON", NULL),
    AT(0, "[", "JSON", NULL),
    AT(0, "data:", "a data: URL; its base64 must be decoded first", NULL),
    AT(0, "/9j/", "base64 text, which must be decoded first", NULL),
    AT(0, "iVBORw0KGgo", "base64 text, which must be decoded first", NULL),
    AT(0, "UklGR", "base64 text, which must be decoded first", NULL),
    AT(0, "--", "a form (multipart); the picture must be the whole body, as `curl --data-binary @FILE` sends it", NULL),
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

edge_format edge_image_format(const uint8_t *bytes, size_t len) {
  if (len >= 4 && memcmp(bytes, "\xff\xd8\xff\xf7", 4) == 0) return EDGE_FORMAT_OTHER;
  if (len >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0) return EDGE_FORMAT_JPEG;
  bool png = len >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
  if (png && !(len >= 16 && memcmp(bytes + 12, "CgBI", 4) == 0)) return EDGE_FORMAT_PNG;
  if (len >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0) return EDGE_FORMAT_WEBP;
  return EDGE_FORMAT_OTHER;
}

static const signature *find(const signature *list, size_t count, const uint8_t *bytes, size_t len) {
  for (size_t i = 0; i < count; i++)
    if (len >= (size_t)list[i].at + list[i].len && memcmp(bytes + list[i].at, list[i].magic, list[i].len) == 0)
      return &list[i];
  return NULL;
}

/* The first known brand of an ISO base media file; the major one first. */
static const signature *find_brand(const uint8_t *bytes, size_t len) {
  static const signature video = AT(0, "", "an MP4 or QuickTime video", "ffmpeg -i in.mp4 -frames:v 1 out.png");
  if (len < 12 || memcmp(bytes + 4, "ftyp", 4) != 0) return NULL;
  size_t end = (size_t)bytes[2] << 8 | bytes[3];
  if (end > len) end = len;
  const signature *found = NULL;
  for (size_t at = 8; at + 4 <= end && at < HEAD; at += at == 8 ? 8 : 4) {
    const signature *brand = find(brands, COUNT(brands), bytes + at, 4);
    /* mif1 and msf1 say that it is HEIF, and nothing of the coding: a later brand may. */
    if (brand && (!found || found->magic[0] == 'm')) found = brand;
  }
  return found ? found : &video;
}

static bool is_text(const uint8_t *bytes, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (bytes[i] < 0x20 ? !strchr("\t\n\f\r", bytes[i]) || bytes[i] == 0 : bytes[i] == 0x7f) return false;
  return len > 0;
}

static bool begins(const uint8_t *bytes, size_t len, const char *word, size_t word_len) {
  return len >= word_len && strncasecmp((const char *)bytes, word, word_len) == 0;
}

/* What text says: bytes of a picture inside (a form's) need not be text. */
static const signature *find_text(const uint8_t *bytes, size_t len) {
  static const signature xml = AT(0, "<?xml", "an XML file", NULL);
  static const signature other = AT(0, "", "text", NULL);
  if (len > HEAD) len = HEAD;
  bool text = is_text(bytes, len);
  if (begins(bytes, len, "\xef\xbb\xbf", 3)) bytes += 3, len -= 3;
  while (len > 0 && strchr(" \t\r\n", bytes[0]) && bytes[0]) bytes++, len--;
  if (!text && !begins(bytes, len, "--", 2)) return NULL;
  for (size_t i = 0; i < COUNT(words); i++)
    if (begins(bytes, len, words[i].magic, words[i].len)) return &words[i];
  if (!begins(bytes, len, xml.magic, xml.len)) return text ? &other : NULL;
  for (size_t i = 0; i + 4 < len; i++)
    if (begins(bytes + i, len - i, "<svg", 4)) return &words[0];
  return &xml;
}

static bool is_netpbm(const uint8_t *bytes, size_t len) {
  return len >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '7' && strchr(" \t\r\n", bytes[2]) && bytes[2];
}

void edge_image_refusal(const uint8_t *bytes, size_t len, char *message, size_t size) {
  static const signature netpbm = AT(0, "P", "PNM", "magick in.ppm out.png");
  static const signature apple = AT(0, "", "a PNG in Apple's own variant (CgBI)",
                                    "pngcrush -revert-iphone-optimizations in.png out.png");
  if (len == 0) {
    snprintf(message, size, "the file is empty");
    return;
  }
  const signature *found = is_netpbm(bytes, len) ? &netpbm : find(signatures, COUNT(signatures), bytes, len);
  if (found && strcmp(found->name, "BMP") == 0 && is_text(bytes, len < HEAD ? len : HEAD)) found = NULL;
  if (found && found->at == 8 && memcmp(bytes, "RIFF", 4) != 0) found = NULL;
  if (found && len >= 16 && memcmp(bytes + 12, "CgBI", 4) == 0) found = &apple;
  if (!found) found = find_brand(bytes, len);
  if (!found) found = find_text(bytes, len);
  if (!found)
    snprintf(message, size, "neither JPEG, PNG nor WebP, nor another format that is known");
  else if (found->tool)
    snprintf(message, size, "this is %s; only JPEG, PNG and WebP are decoded: convert it before, for example with `%s`",
             found->name, found->tool);
  else
    snprintf(message, size, "this is %s, not a JPEG, PNG or WebP picture", found->name);
}
