import { pictures } from "../pictures/render.js";
import { bootedWith } from "./proven.js";
import { boardsReadPictures } from "./reads-pictures.js";

/** Every rendered picture and the photograph, by one engine: what differs between pictures is decoded and scaled by the app, the same on all engines. */
await boardsReadPictures({
  boards: bootedWith("reader", (machine, engine) => machine === "virt" && engine === "ncnn"),
  count: pictures.length,
  photograph: true,
});
