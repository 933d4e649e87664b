import { pictures } from "../pictures/render.js";
import { boardsReadPictures } from "./reads-pictures.js";

/** Every engine on one board (ONNX Runtime on the Pi 4), and ncnn, which is compiled for the core, on one of each core. */
await boardsReadPictures({
  boards: { "qemu-a72": ["mnn", "ncnn"], "qemu-a53": ["ncnn"] },
  count: pictures.length,
});
