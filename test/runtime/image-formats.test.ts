import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { appFolder } from "../helpers/edge-app.js";
import { shown } from "../helpers/image-app.js";

const app = await appFolder();
t.teardown(app.remove);

/** The start of an ISO base media file with these brands. */
function ftyp(major: string, ...compatible: string[]): Buffer {
  const body = Buffer.from(`ftyp${major}\0\0\0\0${compatible.join("")}`, "latin1");
  const size = Buffer.alloc(4);
  size.writeUInt32BE(body.length + 4);
  return Buffer.concat([size, body, Buffer.alloc(64, 7)]);
}

const latin = (text: string): Buffer => Buffer.from(text, "latin1");

/** An animated WebP's head: VP8X with its flag, 8 x 8. */
const animated = latin(`RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x07\0\0\x07\0\0`);

/** First bytes as the formats' documents give them, and what the refusal has to say. */
const cases: readonly (readonly [string, Buffer, RegExp])[] = [
  ["empty", Buffer.alloc(0), /^the file is empty$/],
  ["zeros", Buffer.alloc(100), /neither JPEG, PNG nor WebP/],
  ["heic", ftyp("heic", "mif1", "heic"), /HEIC.*`heif-convert in.heic out.jpg`/],
  ["heix", ftyp("heix", "mif1", "heix"), /HEIC/],
  ["heic by a later brand", ftyp("mif1", "mif1", "heic", "hevc"), /HEIC/],
  ["heif", ftyp("mif1", "mif1", "miaf"), /HEIF/],
  ["heic sequence", ftyp("hevc", "msf1", "hevc"), /HEIC/],
  ["avif", ftyp("avif", "avif", "mif1", "miaf"), /AVIF.*avifdec/],
  ["avif by a later brand", ftyp("mif1", "mif1", "avif", "miaf"), /AVIF/],
  ["avif sequence", ftyp("avis", "avif", "avis", "msf1"), /AVIF/],
  ["mp4", ftyp("isom", "isom", "iso2", "avc1", "mp41"), /MP4.*ffmpeg/],
  ["mov", ftyp("qt  ", "qt  "), /QuickTime/],
  ["cr3", ftyp("crx ", "crx ", "isom"), /CR3/],
  ["gif87", latin("GIF87a\x01\0\x01\0"), /this is GIF.*magick in\.gif\[0\] out\.png/],
  ["gif89", latin("GIF89a\x01\0\x01\0"), /GIF/],
  ["bmp", latin(`BM\x46\0\0\0\0\0\0\0\x36\0\0\0${"\0".repeat(56)}`), /this is BMP/],
  ["tiff little", latin("II*\0\x08\0\0\0\0\0"), /TIFF/],
  ["tiff big", latin("MM\0*\0\0\0\x08\0\0"), /TIFF/],
  ["bigtiff", latin("II+\0\x08\0\0\0\x10\0"), /TIFF/],
  ["jxl codestream", latin("\xff\x0a\xfa\x7f\x01"), /JPEG XL.*djxl/],
  ["jxl container", latin("\0\0\0\x0cJXL \r\n\x87\n"), /JPEG XL/],
  ["jp2", latin("\0\0\0\x0cjP  \r\n\x87\n"), /JPEG 2000/],
  ["j2k", latin("\xff\x4f\xff\x51\0\x2f"), /JPEG 2000/],
  ["jpeg-ls", latin("\xff\xd8\xff\xf7\0\x0b\x08"), /JPEG-LS/],
  ["svg", latin('<svg xmlns="http://www.w3.org/2000/svg"></svg>'), /SVG.*rsvg-convert/],
  ["svg with a declaration", latin('<?xml version="1.0"?>\n<!-- made -->\n<svg></svg>'), /SVG/],
  ["svg with a byte order mark", latin("\xef\xbb\xbf\n<svg></svg>"), /SVG/],
  ["xml", latin('<?xml version="1.0"?><note/>'), /XML/],
  ["pdf", latin("%PDF-1.7\n%\xe2\xe3\xcf\xd3"), /PDF.*pdftoppm/],
  ["html", latin("<!DOCTYPE html><title>404</title>"), /HTML page, perhaps what a server answered/],
  ["html without doctype", latin("\r\n<HTML><body>"), /HTML/],
  ["json", latin('{"error":"not found"}'), /JSON/],
  ["text", latin("hello"), /this is text/],
  ["text like a bmp", latin("BMW, a text"), /this is text/],
  ["data url", latin("data:image/png;base64,iVBORw0KGgo="), /data: URL; its base64 must be decoded/],
  ["base64 jpeg", latin("/9j/4AAQSkZJRgABAQ=="), /base64/],
  ["base64 png", latin("iVBORw0KGgoAAAANSUhEUg=="), /base64/],
  ["form", latin('------a\r\nContent-Disposition: form-data; name="f"\r\n\r\n\xff\xd8\xff\xe0\0\0'), /--data-binary/],
  ["zip", latin("PK\x03\x04\x14\0"), /zip/],
  ["gzip", latin("\x1f\x8b\x08\0"), /gzip/],
  ["ico", latin("\0\0\x01\0\x01\0"), /ICO/],
  ["psd", latin("8BPS\0\x01"), /Photoshop/],
  ["ppm", latin("P6\n1 1\n255\n\0\0\0"), /PNM/],
  ["qoi", latin("qoif\0\0\0\x01"), /QOI/],
  ["avi", latin("RIFF\x10\0\0\0AVI LIST"), /AVI video/],
  ["animated webp", animated, /animated; take one frame.*webpmux/],
  ["wav", latin("RIFF\x10\0\0\0WAVEfmt "), /neither JPEG, PNG nor WebP/],
  ["webm", latin("\x1a\x45\xdf\xa3\x9f"), /WebM/],
  ["png as text", latin("\x89PNG\n\x1a\n\0\0\0\rIHDR"), /line ends/],
  ["apple's png", latin("\x89PNG\r\n\x1a\n\0\0\0\x04CgBIP\0\x20\x02"), /CgBI.*pngcrush/],
];

t.test("what is not decoded is named, with a way to convert it", async (t) => {
  for (const [i, [, bytes]] of cases.entries()) await writeFile(join(app.path, `${i}.bin`), bytes);
  const results = await shown(app.path, `for (let i = 0; i < ${cases.length}; i++) show(await file(i + ".bin"));`);
  for (const [i, [name, , message]] of cases.entries()) t.match(results[i], { code: "IMAGE", message }, name);
});
