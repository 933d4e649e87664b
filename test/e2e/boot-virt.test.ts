import { pictures } from "../pictures/render.js";
import { bootedWith, hasFixedShapes } from "./proven.js";
import { boardsReadPictures } from "./reads-pictures.js";

/** The engines that take any shape: `proven.on` of the recipes. ONNX Runtime is booted on the Pi 4, and ncnn on a Cortex-A53 too, the Pi 3's. */
await boardsReadPictures({
  boards: bootedWith("reader", (machine, engine) => machine === "virt" && !hasFixedShapes(engine)),
  count: pictures.length,
});
