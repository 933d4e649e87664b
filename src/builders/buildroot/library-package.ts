import type { BuildrootLibrary } from "../../catalog/runtime.js";
import { configIn, hashFile, licenceText, makefile, pinned, sourceContext, withoutWerror } from "./package-files.js";
import type { TreeRequest } from "./request.js";
import { downloadOf } from "./sources.js";
import type { TreeFile } from "./tree-file.js";

type CompileBuild = BuildrootLibrary["build"];

/** A shared library made by one command, with further arguments. */
export function libraryContext(build: CompileBuild, further: readonly string[] = []) {
  const cpp = build.sources.some((one) => !one.endsWith(".c"));
  return {
    headers: Object.entries(build.headers).map(([from, to]) => ({ from, to })),
    programs: [
      {
        compiler: cpp ? "$(TARGET_CXX)" : "$(TARGET_CC)",
        flags: cpp ? "$(TARGET_CXXFLAGS)" : "$(TARGET_CFLAGS)",
        arguments: [
          "-shared -fPIC",
          `-Wl,-soname,${build.output}`,
          ...withoutWerror(build.cflags).filter((flag) => flag !== "-fPIC"),
          ...further,
          ...build.sources,
        ],
        output: build.output,
        install: `/usr/lib/${build.output}`,
        link: /\.so\./.test(build.output) ? build.output.replace(/\.so\..*$/, ".so") : "",
      },
    ],
  };
}

/** A library that Buildroot has no package of. */
export function libraryPackage(request: TreeRequest, name: string, library: BuildrootLibrary): TreeFile[] {
  const licenses = Object.entries(library.license.files).map(([file, sha256]) => ({ name: file, sha256 }));
  return [
    configIn(request, { name, help: library.help, homepage: library.homepage }),
    hashFile(request, `package/${name}/${name}.hash`, [
      {
        from: pinned("recipes/runtime/recipe.yaml"),
        files: [{ name: downloadOf(library.source).file, sha256: library.source.sha256 }],
      },
      { from: licenceText, files: licenses },
    ]),
    makefile(request, name, "compile", {
      ...sourceContext(name, library.version, library.source),
      method: "",
      license: library.license.spdx,
      licenseFiles: licenses.map((file) => file.name).join(" "),
      dependencies: "",
      variables: [],
      ...libraryContext(library.build),
    }),
  ];
}
