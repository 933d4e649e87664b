import { type ParsedYaml, parseYamlWith } from "../formats/yaml-schema.js";
import { type Project, projectSchema } from "./project-schema.js";

/** A project with the place of every key and value of its file. */
export type LoadedProject = ParsedYaml<Project>;

/**
 * Reads the text of an `edgeimg.yaml`. All problems are told at once.
 * @param file the name that error places carry
 * @throws EdgeimgError ERR_EDGEIMG_YAML_INVALID, ERR_EDGEIMG_CONFIG_INVALID
 */
export function loadProject(text: string, file: string): LoadedProject {
  return parseYamlWith(projectSchema, text, {
    file,
    code: "ERR_EDGEIMG_CONFIG_INVALID",
    hint: "docs/reference/project.md describes every key.",
  });
}
