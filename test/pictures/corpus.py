"""Makes test/fixtures/pictures: pictures of every kind that edge:image decodes, and what an independent decoder makes of them.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install pillow==13.0.0 numpy==2.4.6 brotli==1.2.1
    apt-get install libjpeg-turbo-progs webp        # cjpeg, cwebp
    /tmp/venv/bin/python test/pictures/corpus.py

Run it again only to add kinds: the tests read what it wrote. PNGs are written by this file, byte by byte; JPEGs by cjpeg and
Pillow; WebPs by cwebp. The expected samples are Pillow's: its PNG reader shares no code with libpng. For 2, 4 and 16 bits with the tRNS of a
colour, which Pillow compares in 8 bits, they are worked out from the samples that the file was made of.
"""

import io
import json
import os
import shutil
import struct
import subprocess
import tempfile
import zlib

import brotli
import numpy as np
from PIL import Image, ImageOps

here = os.path.dirname(os.path.abspath(__file__))
out = os.path.join(here, "..", "fixtures", "pictures")
files = {}  # name -> bytes
references = {}  # name -> samples that are not Pillow's


def picture(width, height, channels=3, top=255):
    """Waves with an edge in them: smooth, and different in every channel."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [
        (np.sin(x / 5 + c) * np.cos(y / 4 - c) + 1) / 2 * 0.7 + 0.3 * ((x + 2 * y + 5 * c) % 17 < 8) for c in range(channels)
    ]
    return np.rint(np.stack(planes, -1) / np.max(planes) * top).astype(np.uint16)


# PNG


def chunk(kind, data, damage=0):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) ^ damage)


def pack(row, depth):
    """The samples of a row, `depth` bits each, first to last from the highest bit."""
    if depth == 16:
        return row.astype(">u2").tobytes()
    if depth == 8:
        return row.astype("u1").tobytes()
    bits = np.unpackbits(row.astype("u1")[:, None], axis=1)[:, 8 - depth :]
    return np.packbits(bits.reshape(-1)).tobytes()


def filtered(lines, step):
    """Each row with another of the five filters."""
    result, above = b"", None
    for number, line in enumerate(lines):
        kind = number % 5
        above = above or bytes(len(line))
        coded = bytearray()
        for i, value in enumerate(line):
            a = line[i - step] if i >= step else 0
            b = above[i]
            c = above[i - step] if i >= step else 0
            p = a + b - c
            paeth = min((abs(p - v), n, v) for n, v in enumerate((a, b, c)))[2]
            coded.append((value - (0, a, b, (a + b) // 2, paeth)[kind]) & 255)
        result += bytes([kind]) + bytes(coded)
        above = line
    return result


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def png(samples, color, depth, interlace=False, before=b"", between=b"", after=b"", split=0, tail=b""):
    height, width, channels = samples.shape
    step = max(1, channels * depth // 8)
    lines = lambda part: [pack(row.reshape(-1), depth) for row in part]
    if interlace:
        parts = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        raw = b"".join(filtered(lines(part), step) for part in parts if part.size)
    else:
        raw = filtered(lines(samples), step)
    packed = zlib.compress(raw, 9)
    pieces = [packed[i : i + split] for i in range(0, len(packed), split)] if split else [packed]
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlace))
    body = between.join(chunk(b"IDAT", piece) for piece in pieces)
    return SIGNATURE + chunk(b"IHDR", header) + before + body + after + chunk(b"IEND", b"") + tail


def palette(count):
    values = picture(count, 1)[0].astype("u1")
    return chunk(b"PLTE", values.tobytes())


def keyed(samples, key, depth):
    """What samples with the transparent colour `key` are, over white."""
    full = samples >> 8 if depth == 16 else samples.astype(np.uint32) * 255 // (2**depth - 1)
    full = np.where((samples == key).all(-1, keepdims=True), 255, full)
    return np.repeat(full, 3, -1).astype("u1") if full.shape[-1] == 1 else full.astype("u1")


def make_png():
    gamma = lambda value: chunk(b"gAMA", struct.pack(">I", value))
    profile = chunk(b"iCCP", b"made\0\0" + zlib.compress(b"\0" * 128))
    kinds = [(0, d) for d in (1, 2, 4, 8, 16)] + [(2, 8), (2, 16)] + [(3, d) for d in (1, 2, 4, 8)]
    kinds += [(4, 8), (4, 16), (6, 8), (6, 16)]
    extra = {
        "": b"",
        "-gamma-1": gamma(100000),
        "-gamma-045": gamma(45455),
        "-srgb": chunk(b"sRGB", b"\0"),
    }
    for color, depth in kinds:
        top = 2**depth - 1 if color != 3 else min(2**depth, 20) - 1
        plain = picture(21, 14, CHANNELS[color], top)
        table = palette(top + 1) if color == 3 else b""
        for interlace in (False, True):
            for suffix, more in extra.items():
                if interlace and suffix not in ("", "-srgb"):
                    continue
                name = f"png-c{color}-{depth}{'-adam7' if interlace else ''}{suffix}.png"
                files[name] = png(plain, color, depth, interlace, before=more + table)
        # tRNS: of a colour that is in the picture, or of a palette's first half
        if color == 3:
            trns = chunk(b"tRNS", bytes(range(0, 256, 23))[: (top + 1) // 2 or 1])
        elif color in (0, 2):
            trns = chunk(b"tRNS", b"".join(struct.pack(">H", int(v)) for v in plain[3, 4]))
        else:
            continue
        for interlace in (False, True):
            name = f"png-c{color}-{depth}-trns{'-adam7' if interlace else ''}.png"
            files[name] = png(plain, color, depth, interlace, before=table + trns)
            if depth in (2, 4, 16) and color != 3:
                references[name] = keyed(plain, plain[3, 4], depth)
    for width, height in ((1, 1), (1, 9), (9, 1), (2, 3), (3, 2), (5, 5), (7, 8), (8, 7), (33, 2)):
        files[f"png-{width}x{height}.png"] = png(picture(width, height), 2, 8)
        files[f"png-{width}x{height}-adam7.png"] = png(picture(width, height), 2, 8, True)
        files[f"png-{width}x{height}-1bit-adam7.png"] = png(picture(width, height, 1, 1), 0, 1, True)
    rgb, text = picture(21, 14), chunk(b"tEXt", b"Title\0made")
    files["png-split-idat.png"] = png(rgb, 2, 8, split=7)
    files["png-split-idat-1.png"] = png(rgb, 2, 8, split=1)
    files["png-empty-idat.png"] = png(rgb, 2, 8, after=chunk(b"IDAT", b""))
    files["png-iccp.png"] = png(rgb, 2, 8, before=profile)
    files["png-cicp.png"] = png(rgb, 2, 8, before=chunk(b"cICP", bytes([9, 16, 0, 1])))
    files["png-chrm.png"] = png(rgb, 2, 8, before=chunk(b"cHRM", struct.pack(">8I", *range(10000, 90000, 10000))))
    files["png-sbit.png"] = png(rgb, 2, 8, before=chunk(b"sBIT", bytes([5, 6, 5])))
    files["png-bkgd.png"] = png(picture(21, 14, 4), 6, 8, before=chunk(b"bKGD", struct.pack(">3H", 255, 0, 0)))
    files["png-suggested-palette.png"] = png(rgb, 2, 8, before=palette(5))
    files["png-text.png"] = png(rgb, 2, 8, before=text, after=chunk(b"zTXt", b"a\0\0" + zlib.compress(b"b" * 999)))
    files["png-unknown-chunk.png"] = png(rgb, 2, 8, before=chunk(b"teSt", b"123"))
    files["png-trailing.png"] = png(rgb, 2, 8, tail=b"trailing bytes" * 9)
    files["png-apng.png"] = png(
        rgb,
        2,
        8,
        before=chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 21, 14, 0, 0, 1, 10, 0, 0)),
        after=chunk(b"fcTL", struct.pack(">IIIIIHHBB", 1, 21, 14, 0, 0, 1, 10, 0, 0))
        + chunk(b"fdAT", struct.pack(">I", 2) + zlib.compress(filtered([pack(r.reshape(-1), 8) for r in rgb[::-1]], 3))),
    )
    for orientation in range(1, 9):
        files[f"png-exif-{orientation}.png"] = png(rgb, 2, 8, before=chunk(b"eXIf", tiff(orientation, orientation % 2)))
    files["png-exif-after-idat.png"] = png(rgb, 2, 8, after=chunk(b"eXIf", tiff(6, False)))


# EXIF


def tiff(orientation, little, entries_before=0, offset=8, kind=3):
    order = "<" if little else ">"
    head = (b"II*\0" if little else b"MM\0*") + struct.pack(order + "I", offset) + b"\xaa" * (offset - 8)
    entries = [struct.pack(order + "HHII", 0x100 + i, 4, 1, 77) for i in range(entries_before)]
    value = struct.pack(order + ("I" if kind == 4 else "HH"), *((orientation,) if kind == 4 else (orientation, 0)))
    entries.append(struct.pack(order + "HHI", 0x112, kind, 1) + value)
    return head + struct.pack(order + "H", len(entries)) + b"".join(entries) + struct.pack(order + "I", 0)


def segment(marker, body):
    return struct.pack(">BBH", 255, marker, len(body) + 2) + body


def make_exif():
    plain = jpeg(picture(20, 12))
    jfif, rest = plain[2:20], plain[20:]
    exif = lambda *args, **more: segment(0xE1, b"Exif\0\0" + tiff(*args, **more))
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    icc = segment(0xE2, b"ICC_PROFILE\0\1\1" + b"\0" * 40)
    adobe = segment(0xED, b"Photoshop 3.0\0" + b"8BIM" + b"\0" * 20)
    note = segment(0xFE, b"a comment")
    for orientation in range(1, 9):
        for little in (False, True):
            name = f"jpeg-exif-{orientation}-{'little' if little else 'big'}.jpg"
            files[name] = b"\xff\xd8" + exif(orientation, little) + rest
    orders = {
        "jfif-exif": jfif + exif(6, True),
        "exif-jfif": exif(6, True) + jfif,
        "xmp-exif": xmp + exif(6, False),
        "xmp-xmp-exif": xmp + xmp + exif(6, True),
        "exif-xmp": exif(8, True) + xmp,
        "jfif-xmp-exif": jfif + xmp + exif(5, False),
        "jfif-icc-exif": jfif + icc + exif(7, False),
        "icc-xmp-exif": icc + xmp + exif(3, True),
        "photoshop-note-exif": adobe + note + exif(6, False),
        "exif-exif": exif(6, True) + exif(3, True),
        "note-exif-icc": note + exif(2, False) + icc,
        "none": jfif + xmp + icc,
    }
    for name, segments in orders.items():
        files[f"jpeg-order-{name}.jpg"] = b"\xff\xd8" + segments + rest
    files["jpeg-exif-late.jpg"] = b"\xff\xd8" + jfif + rest.replace(b"\xff\xc4", exif(6, True) + b"\xff\xc4", 1)
    shapes = {
        "entries-before": exif(6, True, entries_before=18),
        "far-directory": exif(6, False, offset=3000),
        "padding-behind": segment(0xE1, b"Exif\0\0" + tiff(6, True) + b"\0" * 4000),
        "twice-named": segment(0xE1, b"Exif\0\0Exif\0\0" + tiff(6, True)),
        "long": exif(6, False, kind=4),
        "long-little": exif(8, True, kind=4),
        "out-of-range": exif(9, True),
        "zero": exif(0, False),
    }
    for name, block in shapes.items():
        files[f"jpeg-exif-{name}.jpg"] = b"\xff\xd8" + block + rest


# JPEG


def run(*command, data):
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def ppm(samples):
    height, width, channels = samples.shape
    return b"P%d %d %d 255\n" % (6 if channels == 3 else 5, width, height) + samples.astype("u1").tobytes()


def jpeg(samples, *options):
    return run("cjpeg", "-quality", "85", *options, data=ppm(samples))


def make_jpeg():
    rgb, grey = picture(45, 35), picture(45, 35, 1)
    samplings = {"444": "1x1", "422": "2x1", "440": "1x2", "420": "2x2", "411": "4x1", "410": "4x2", "441": "1x4", "cr": "2x2,1x2,1x1"}
    codings = {
        "": [],
        "-optimized": ["-optimize"],
        "-progressive": ["-progressive"],
        "-arithmetic": ["-arithmetic"],
        "-arithmetic-progressive": ["-arithmetic", "-progressive"],
        "-restart": ["-restart", "2B"],
        "-restart-progressive": ["-restart", "1", "-progressive"],
    }
    for sampling, factors in samplings.items():
        for coding, options in codings.items():
            files[f"jpeg-{sampling}{coding}.jpg"] = jpeg(rgb, "-sample", factors, *options)
    for coding, options in codings.items():
        files[f"jpeg-grey{coding}.jpg"] = jpeg(grey, "-grayscale", *options)
    for size in ((1, 1), (1, 17), (17, 1), (7, 9), (8, 8), (9, 8), (15, 16), (16, 15), (17, 33), (2, 2)):
        for sampling in ("444", "420", "440"):
            files[f"jpeg-{size[0]}x{size[1]}-{sampling}.jpg"] = jpeg(picture(*size), "-sample", samplings[sampling])
    files["jpeg-rgb.jpg"] = jpeg(rgb, "-rgb")
    files["jpeg-quality-100.jpg"] = jpeg(rgb, "-quality", "100")
    files["jpeg-quality-3.jpg"] = jpeg(rgb, "-quality", "3")
    files["jpeg-separate-scans.jpg"] = run_scans(rgb, "0;\n1;\n2;\n")
    files["jpeg-mjpeg.jpg"] = without_tables(jpeg(rgb, "-sample", "2x1"))
    files["jpeg-trailing.jpg"] = jpeg(rgb) + b"trailing bytes"
    for adobe in ("", "-progressive"):
        buffer = io.BytesIO()
        cmyk = Image.fromarray(picture(45, 35, 4).astype("u1"), "CMYK")
        cmyk.save(buffer, "JPEG", quality=85, progressive=adobe != "")
        files[f"jpeg-cmyk{adobe}.jpg"] = buffer.getvalue()
    # The same samples said to be YCCK, and with nothing said.
    at = files["jpeg-cmyk.jpg"].index(b"\xff\xee")
    plain = files["jpeg-cmyk.jpg"]
    files["jpeg-ycck.jpg"] = plain[: at + 15] + b"\2" + plain[at + 16 :]
    files["jpeg-cmyk-no-adobe.jpg"] = plain[:at] + plain[at + 16 :]


def run_scans(samples, script):
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(script)
        file.flush()
        return jpeg(samples, "-scans", file.name)


def without_tables(data):
    at = 2
    kept = data[:2]
    while data[at + 1] != 0xDA:
        length = 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        if data[at + 1] != 0xC4:
            kept += data[at : at + length]
        at += length
    return kept + data[at:]


# WebP


def cwebp(samples, *options):
    buffer = io.BytesIO()
    Image.fromarray(samples.astype("u1")).save(buffer, "PNG")
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/in.png", "wb") as file:
            file.write(buffer.getvalue())
        subprocess.run(["cwebp", "-quiet", *options, f"{folder}/in.png", "-o", f"{folder}/out.webp"], check=True)
        with open(f"{folder}/out.webp", "rb") as file:
            return file.read()


def extended(data, width, height, exif, alpha=False):
    """A simple WebP in the extended format, with EXIF behind its picture."""
    flags = 0x08 | (0x10 if alpha else 0)
    head = struct.pack("<B3x", flags) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    part = lambda name, body: name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    body = b"WEBP" + part(b"VP8X", head) + data[12:] + part(b"EXIF", exif)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def make_webp():
    rgb, rgba = picture(45, 35), picture(45, 35, 4)
    for name, options in {"lossy": ["-q", "80"], "lossy-1": ["-q", "5", "-m", "0"], "lossy-sharp": ["-q", "95", "-sharp_yuv"],
                          "segments": ["-segments", "4", "-partition_limit", "50"], "lossless": ["-lossless"],
                          "lossless-0": ["-lossless", "-z", "0"], "near-lossless": ["-near_lossless", "40"]}.items():
        files[f"webp-{name}.webp"] = cwebp(rgb, *options)
        files[f"webp-{name}-alpha.webp"] = cwebp(rgba, *options)
    few = (picture(45, 35) // 64) * 64
    files["webp-lossless-palette.webp"] = cwebp(few, "-lossless", "-z", "9")
    for size in ((1, 1), (1, 9), (9, 1), (16, 16), (17, 15)):
        files[f"webp-{size[0]}x{size[1]}.webp"] = cwebp(picture(*size), "-q", "80")
        files[f"webp-{size[0]}x{size[1]}-lossless.webp"] = cwebp(picture(*size), "-lossless")
    small = cwebp(picture(20, 12), "-q", "80")
    for orientation in range(1, 9):
        exif = tiff(orientation, orientation % 2)
        files[f"webp-exif-{orientation}.webp"] = extended(small, 20, 12, exif if orientation < 5 else b"Exif\0\0" + exif)
    files["webp-trailing.webp"] = small + b"trailing"


def expected(name, data):
    if name in references:
        return references[name]
    image = Image.open(io.BytesIO(data))
    if image.mode.startswith("I"):  # 16 bits: the high byte, which convert() does not give
        return np.repeat((np.asarray(image).astype(np.uint32) >> 8).astype("u1")[..., None], 3, -1)
    image = ImageOps.exif_transpose(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return np.asarray(image.convert("RGB"))


make_png()
make_exif()
make_jpeg()
make_webp()
shutil.rmtree(out, ignore_errors=True)
os.makedirs(out)
index, samples = [], b""
archive = b""
for name in sorted(files):
    pixels = expected(name, files[name])
    index.append({"name": name, "bytes": len(files[name]), "width": pixels.shape[1], "height": pixels.shape[0]})
    archive += files[name]
    samples += pixels.tobytes()
lines = ",\n".join("  " + json.dumps(entry) for entry in index)
with open(f"{out}/index.json", "w") as file:
    file.write(f"[\n{lines}\n]\n")
with open(f"{out}/files.br", "wb") as file:
    file.write(brotli.compress(archive, lgwin=24))
with open(f"{out}/expected.br", "wb") as file:
    file.write(brotli.compress(samples, lgwin=24))
print(len(files), "files,", len(archive), "bytes")
