import { load } from "edge:nn";
import { start } from "./app.js";
import { detect } from "./detect.js";

const model = await load("faces");

await start({
  title: "Find faces",
  summary: "This board frames the faces in a picture. It knows nobody, and nothing leaves your network.",
  action: "detect",
  results: "faces",
  itemsLabel: "Faces",
  counts: ["No face", "face", "faces"],
  models: [model],
  answer: async (image) => {
    const faces = await detect(model, image);
    const headline = faces.length === 0 ? "No face" : faces.length === 1 ? "1 face" : `${faces.length} faces`;
    return { headline, faces };
  },
});
