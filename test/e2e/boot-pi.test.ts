import { boardsReadPictures } from "./reads-pictures.js";

/** The emulated Raspberry Pis take twice as long for a picture: they get those in which everything differs once. */
await boardsReadPictures({ boards: { rpi4: ["ncnn", "onnxruntime"], rpi3: ["ncnn"] }, count: 8 });
