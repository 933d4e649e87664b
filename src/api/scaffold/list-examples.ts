import { listExamples as readExamples } from "../../catalog/examples.js";
import { packageHome } from "../../ground/home.js";
import type { ExampleInfo } from "../types.js";

/** What a project may begin as, the one that it begins as unless told at the front. */
export async function listExamples(): Promise<readonly ExampleInfo[]> {
  return readExamples(packageHome).map(({ name, summary }) => ({ name, summary }));
}
