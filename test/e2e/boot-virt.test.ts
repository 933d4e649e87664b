import { bootedWith, hasFixedShapes } from "./proven.js";
import { boardsReadPictures } from "./reads-pictures.js";

/** The engines that take any shape: `proven.on` of the recipes. `boot-pictures` boots ncnn. One picture at start, and one of two lines by HTTP. */
await boardsReadPictures({
  boards: bootedWith("reader", (machine, engine) => machine === "virt" && engine !== "ncnn" && !hasFixedShapes(engine)),
  count: 1,
});
