import type { CommandSpec } from "../command.js";
import { bench } from "./bench.js";
import { boards } from "./boards.js";
import { build } from "./build.js";
import { buildroot } from "./buildroot.js";
import { cache } from "./cache.js";
import { ci } from "./ci.js";
import { completion } from "./completion.js";
import { diff } from "./diff.js";
import { doctor } from "./doctor.js";
import { engines } from "./engines.js";
import { explain } from "./explain.js";
import { flash } from "./flash.js";
import { init } from "./init.js";
import { lock } from "./lock.js";
import { newThing } from "./new.js";
import { plan } from "./plan.js";
import { quantize } from "./quantize.js";
import { run } from "./run.js";
import { test } from "./test.js";
import { types } from "./types.js";
import { version } from "./version.js";

/** In the order of the help. */
export const commands: readonly CommandSpec[] = [
  init,
  build,
  run,
  test,
  flash,
  plan,
  explain,
  diff,
  bench,
  quantize,
  boards,
  engines,
  newThing,
  buildroot,
  lock,
  types,
  cache,
  ci,
  doctor,
  completion,
  version,
];
