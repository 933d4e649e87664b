import { fileKinds, jsonSchemaText } from "./json-schema.js";
import { errorsPage, referencePage } from "./reference.js";

/** Every file of the project that is made from the schemas and codes: path from the package's folder -> text. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const kind of fileKinds) {
    files.set(`schemas/${kind.name}.json`, jsonSchemaText(kind));
    files.set(`docs/reference/${kind.name}.md`, referencePage(kind));
  }
  files.set("docs/errors.md", errorsPage());
  return files;
}
