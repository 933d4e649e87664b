import { readText } from "edge:fs";
import { load } from "edge:nn";
import { start } from "./app.js";
import { parseDictionary } from "./ctc.js";
import { read } from "./read.js";

const detect = await load("det");
const direction = await load("cls");
const recognize = await load("rec");
const classes = parseDictionary(await readText("/models/rec/dictionary.txt"));

await start({
  title: "Read text from a picture",
  summary: "This board finds the lines of text in a picture and reads them. Nothing leaves your network.",
  action: "read",
  results: "lines",
  itemsLabel: "Lines of text",
  counts: ["No text found", "line", "lines"],
  models: [detect, direction, recognize],
  answer: (image) => read({ detect, direction, recognize, classes }, image),
});
