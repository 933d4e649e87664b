import type { Api } from "./types.js";

/**
 * What commands call. Nothing here prints or parses flags. A function's modules are read when it is called first, since
 * reading all of them takes longer than most commands do.
 */
export const api: Api = {
  // Most of a start's time would go into modules that a build with nothing to do has no need of.
  buildImage: async (...asked) =>
    (await (await import("./build/up-to-date.js")).upToDate(...asked)) ??
    (await (await import("./build/build.js")).buildImage(...asked)),
  buildMatrix: async (...asked) => (await import("./build/build.js")).buildMatrix(...asked),
  benchEngines: async (...asked) => (await import("./bench/bench.js")).benchEngines(...asked),
  buildStep: async (...asked) => (await import("./build/build-step.js")).buildStep(...asked),
  cacheExport: async (...asked) => (await import("./cache/export.js")).cacheExport(...asked),
  cacheImport: async (...asked) => (await import("./cache/import.js")).cacheImport(...asked),
  cacheInfo: async (...asked) => (await import("./cache/cache.js")).cacheInfo(...asked),
  cachePrune: async (...asked) => (await import("./cache/cache.js")).cachePrune(...asked),
  cacheVerify: async (...asked) => (await import("./cache/cache.js")).cacheVerify(...asked),
  checkBuildroot: async (...asked) => (await import("./buildroot/check.js")).checkBuildroot(...asked),
  ciInit: async (...asked) => (await import("./scaffold/ci.js")).ciInit(...asked),
  diffResults: async (...asked) => (await import("./build/diff.js")).diffResults(...asked),
  doctor: async (...asked) => (await import("./machine/doctor.js")).doctor(...asked),
  explainPath: async (...asked) => (await import("./build/explain.js")).explainPath(...asked),
  flashImage: async (...asked) => (await import("./device/flash.js")).flashImage(...asked),
  initProject: async (...asked) => (await import("./scaffold/init-project.js")).initProject(...asked),
  listBoards: async (...asked) => (await import("./session/catalog.js")).listBoards(...asked),
  listDrives: async (...asked) => (await import("./device/flash.js")).listDrives(...asked),
  listEngines: async (...asked) => (await import("./session/catalog.js")).listEngines(...asked),
  newBoard: async (...asked) => (await import("./scaffold/new-board.js")).newBoard(...asked),
  newEngine: async (...asked) => (await import("./scaffold/new-engine.js")).newEngine(...asked),
  listExamples: async () => (await import("./scaffold/list-examples.js")).listExamples(),
  listSteps: async (...asked) => (await import("./build/find-step.js")).listSteps(...asked),
  listTargets: async (...asked) => (await import("./build/matrix.js")).listTargets(...asked),
  planImage: async (...asked) => (await import("./build/plan.js")).planImage(...asked),
  planStep: async (...asked) => (await import("./build/plan-step.js")).planStep(...asked),
  quantizeModels: async (...asked) => (await import("./quantize/quantize.js")).quantizeModels(...asked),
  runHost: async (...asked) => (await import("./host/run.js")).runHost(...asked),
  runImage: async (...asked) => (await import("./device/run.js")).runImage(...asked),
  testImage: async (...asked) => (await import("./device/test.js")).testImage(...asked),
  tidyCache: async (...asked) => (await import("./cache/tidy.js")).tidyCache(...asked),
  updateLock: async (...asked) => (await import("./build/lock.js")).updateLock(...asked),
  writeTypes: async (...asked) => (await import("./build/types.js")).writeTypes(...asked),
  writeBuildrootTree: async (...asked) => (await import("./buildroot/write.js")).writeBuildrootTree(...asked),
};
