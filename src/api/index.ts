import type { Api } from "./types.js";

/**
 * What commands call. Nothing here prints or parses flags. A function's modules are read when it is called first, since
 * reading all of them takes longer than most commands do.
 */
export const api: Api = {
  buildImage: async (...asked) => (await import("./build.js")).buildImage(...asked),
  buildMatrix: async (...asked) => (await import("./build.js")).buildMatrix(...asked),
  cacheExport: async (...asked) => (await import("./cache-export.js")).cacheExport(...asked),
  cacheImport: async (...asked) => (await import("./cache-import.js")).cacheImport(...asked),
  cacheInfo: async (...asked) => (await import("./cache.js")).cacheInfo(...asked),
  cachePrune: async (...asked) => (await import("./cache.js")).cachePrune(...asked),
  cacheVerify: async (...asked) => (await import("./cache.js")).cacheVerify(...asked),
  checkBuildroot: async (...asked) => (await import("./buildroot-check.js")).checkBuildroot(...asked),
  ciInit: async (...asked) => (await import("./ci.js")).ciInit(...asked),
  diffResults: async (...asked) => (await import("./diff.js")).diffResults(...asked),
  doctor: async (...asked) => (await import("./doctor.js")).doctor(...asked),
  explainPath: async (...asked) => (await import("./explain.js")).explainPath(...asked),
  flashImage: async (...asked) => (await import("./flash.js")).flashImage(...asked),
  initProject: async (...asked) => (await import("./init-project.js")).initProject(...asked),
  listBoards: async (...asked) => (await import("./catalog.js")).listBoards(...asked),
  listDrives: async (...asked) => (await import("./flash.js")).listDrives(...asked),
  listEngines: async (...asked) => (await import("./catalog.js")).listEngines(...asked),
  listTargets: async (...asked) => (await import("./matrix.js")).listTargets(...asked),
  planImage: async (...asked) => (await import("./plan.js")).planImage(...asked),
  runImage: async (...asked) => (await import("./run.js")).runImage(...asked),
  testImage: async (...asked) => (await import("./test.js")).testImage(...asked),
  updateLock: async (...asked) => (await import("./lock.js")).updateLock(...asked),
  writeBuildrootTree: async (...asked) => (await import("./buildroot.js")).writeBuildrootTree(...asked),
};
