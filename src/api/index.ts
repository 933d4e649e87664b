/** What commands call. Nothing here prints or parses flags. */
export { buildImage, buildMatrix } from "./build.js";
export { writeBuildrootTree } from "./buildroot.js";
export { cacheInfo, cachePrune, cacheVerify } from "./cache.js";
export { cacheExport } from "./cache-export.js";
export { cacheImport } from "./cache-import.js";
export { listBoards, listEngines } from "./catalog.js";
export { ciInit } from "./ci.js";
export { diffResults } from "./diff.js";
export { doctor } from "./doctor.js";
export { explainPath } from "./explain.js";
export { flashImage, listDrives } from "./flash.js";
export { initProject } from "./init-project.js";
export { updateLock } from "./lock.js";
export { listTargets } from "./matrix.js";
export { planImage } from "./plan.js";
export { runImage } from "./run.js";
export { testImage } from "./test.js";
export type * from "./types.js";
