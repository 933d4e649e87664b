import { readFileSync } from "node:fs";
import { join } from "node:path";
import Handlebars from "handlebars";
import type { RenderTemplate } from "../../image/render.js";

/** Renders files of `templates/`. A name that the context lacks is an error, not an empty string. Nothing is escaped: no output is HTML. */
export function templateRenderer(home: string): RenderTemplate {
  const handlebars = Handlebars.create();
  handlebars.registerHelper("join", (values: readonly string[], separator: string) => values.join(separator));
  // Values of a make variable, one a line. (In a template a backslash before braces has a meaning of its own.)
  handlebars.registerHelper("continued", (values: readonly string[]) => values.map((one) => `\t${one}`).join(" \\\n"));
  const compiled = new Map<string, Handlebars.TemplateDelegate>();
  return (template, context) => {
    let render = compiled.get(template);
    if (render === undefined) {
      render = handlebars.compile(readFileSync(join(home, "templates", template), "utf8"), {
        strict: true,
        noEscape: true,
      });
      compiled.set(template, render);
    }
    return render(context);
  };
}
