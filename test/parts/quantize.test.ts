import { fileURLToPath } from "node:url";
import t from "tap";
import { loadCatalog } from "../../src/catalog/catalog.js";
import { quantizeSchema } from "../../src/config/quantize-schema.js";
import { checkQuantized } from "../../src/parts/quantize.js";

const { engines } = await loadCatalog(fileURLToPath(new URL("../../", import.meta.url)), undefined);

t.test(
  "an engine runs the quantized models that its recipe says, and is refused by name with the reason for others",
  async (t) => {
    for (const activations of [8, "float"] as const) {
      const config = quantizeSchema.parse({ activations, calibration: { x: "calibration" } });
      const able = [...engines.values()].filter((one) => one.recipe.model.quantized?.activations.includes(activations));
      t.ok(able.length > 0 && able.length < engines.size);
      for (const engine of engines.values()) {
        const check = () => checkQuantized("m", config, engine, engines.values());
        const { name, title, model } = engine.recipe;
        if (able.includes(engine)) t.doesNotThrow(check, name);
        else
          t.throws(check, {
            code: "ERR_EDGEIMG_MODEL_QUANTIZE_ENGINE",
            message: `Model m: ${title} does not run models with ${activations === 8 ? "8-bit activations" : "8-bit weights alone"} here: ${model.quantized?.why ?? "nobody has tried"}.`,
            key: ["models", "m", "quantize"],
          });
      }
    }
  },
);
