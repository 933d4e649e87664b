import { boardsReadPictures } from "./reads-pictures.js";

/** The emulated Raspberry Pis take twice as long for a picture: they get those in which everything differs once. */
await boardsReadPictures({ boards: ["rpi4", "rpi3"], engines: ["ncnn", "onnxruntime"], count: 8 });
