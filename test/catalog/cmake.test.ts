import t from "tap";
import { cmakeBuild } from "../../src/catalog/cmake.js";

const parse = (precompile: object) => cmakeBuild.safeParse({ kind: "cmake", precompile }).success;

t.test(
  "targets and headers that are read once become words of a CMake script: nothing else gets into it",
  async (t) => {
    t.equal(parse({ ncnn: ["<layer.h>", "<core/Tensor-Utils.hpp>"] }), true);
    for (const target of ["a b", "a)", '"a"', "", "$a"]) t.equal(parse({ [target]: ["<a.h>"] }), false, target);
    for (const header of ["a.h", '"a.h"', "<a.h> b", "<a;b>", "<$a>", "<a>>", "<>", ""])
      t.equal(parse({ ncnn: [header] }), false, header);
    t.equal(parse({ ncnn: [] }), false, "no headers");
  },
);
