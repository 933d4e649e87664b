"""Translates an ONNX file for MNN, to the same bytes every time: convert.py MODEL RESULT WORK.

MNN's converter is part of a Python extension that asks for an executable stack, which today's C libraries refuse, and that writes a random
identifier into each model. It runs in this process, below, on a copy of the extension that asks for none.
"""

import os
import shutil
import struct
import sys

EXTENSION = "_tools"
# Of struct Net in MNN's schema: the entry of mnn_uuid in its table of fields, in bytes (FlatBuffers' binary format).
UUID_FIELD = 26
CONSTANT = b"00000000-0000-4000-8000-000000000000"
# Of ELF, 64 bits, little endian: program headers of this type hold the flags of the stack.
PT_GNU_STACK, PF_X = 0x6474E551, 1


def without_executable_stack(library):
    """The bytes of a shared library, in place: its stack is no longer to be executable."""
    (start,) = struct.unpack_from("<Q", library, 32)
    size, count = struct.unpack_from("<HH", library, 54)
    for at in range(start, start + size * count, size):
        kind, flags = struct.unpack_from("<II", library, at)
        if kind == PT_GNU_STACK:
            struct.pack_into("<I", library, at + 4, flags & ~PF_X)


def load_converter(work):
    """The function mnnconvert of the extension, which is found in sys.path."""
    for folder in sys.path:
        names = [name for name in os.listdir(folder) if name.startswith(EXTENSION + ".")] if os.path.isdir(folder) else []
        if not names:
            continue
        with open(os.path.join(folder, names[0]), "rb") as file:
            library = bytearray(file.read())
        without_executable_stack(library)
        with open(os.path.join(work, names[0]), "wb") as file:
            file.write(library)
        # The libraries that it brings are found beside it.
        shutil.copytree(os.path.join(folder, "mnn.libs"), os.path.join(work, "mnn.libs"))
        sys.path.insert(0, work)
        import _tools

        return _tools.mnnconvert
    sys.exit("MNN for Python has no " + EXTENSION)


def without_identifier(model):
    """A model's bytes, in place: a constant stands where the converter wrote a random identifier."""
    (table,) = struct.unpack_from("<I", model, 0)
    (back,) = struct.unpack_from("<i", model, table)
    fields = table - back
    (length,) = struct.unpack_from("<H", model, fields)
    (offset,) = struct.unpack_from("<H", model, fields + UUID_FIELD) if length > UUID_FIELD else (0,)
    if offset == 0:
        return
    (there,) = struct.unpack_from("<I", model, table + offset)
    text = table + offset + there
    (size,) = struct.unpack_from("<I", model, text)
    if size != len(CONSTANT):
        sys.exit("the converted model's identifier has %d characters, not %d" % (size, len(CONSTANT)))
    model[text + 4 : text + 4 + size] = CONSTANT


def main():
    source, target, work = sys.argv[1:]
    # What the converter prints is for people: it belongs into the log.
    os.dup2(2, 1)
    made = os.path.join(work, "model.mnn")
    load_converter(work)(["mnnconvert", "-f", "ONNX", "--modelFile", source, "--MNNModel", made, "--bizCode", "edgeimg"])
    if not os.path.exists(made) or os.path.getsize(made) == 0:
        sys.exit("MNN's converter wrote no model")
    with open(made, "rb") as file:
        model = bytearray(file.read())
    without_identifier(model)
    with open(target, "wb") as file:
        file.write(model)


main()
