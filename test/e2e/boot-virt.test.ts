import { pictures } from "../pictures/render.js";
import { boardsReadPictures } from "./reads-pictures.js";

/** Every engine on one board, and on one of each core where it is compiled for the core. */
await boardsReadPictures({
  boards: { "qemu-a72": ["mnn", "ncnn"], "qemu-a53": ["ncnn", "onnxruntime"] },
  count: pictures.length,
});
