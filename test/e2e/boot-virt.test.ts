import { pictures } from "../pictures/render.js";
import { boardsReadPictures } from "./reads-pictures.js";

await boardsReadPictures({
  boards: ["qemu-a72", "qemu-a53"],
  engines: ["ncnn", "onnxruntime"],
  count: pictures.length,
});
