import { load } from "edge:nn";
import { start } from "./app.js";
import { classes } from "./classes.js";
import { classify } from "./classify.js";

const model = await load("orientation");

await start({
  title: "Which way up is it?",
  summary:
    "This board tells how a page of text has been turned: upright, upside down, left or right. Nothing leaves your network.",
  action: "classify",
  results: "classes",
  itemsLabel: "Classes",
  counts: ["No class", "class", "classes"],
  models: [model],
  answer: async (image) => {
    const found = await classify(model, image, classes);
    const best = found[0]?.text;
    return { best, headline: `The page is ${best}`, classes: found };
  },
});
