import type { RuntimeRecipe } from "../../catalog/runtime.js";
import { upper } from "./names.js";
import { configIn, hashFile, makefile, withoutWerror } from "./package-files.js";
import type { TreeRequest } from "./request.js";
import { copyOf, type TreeFile } from "./tree-file.js";

/** Our own programs and libraries, from recipes/runtime or recipes/kernels. */
export function ownPackage(
  request: TreeRequest,
  recipe: RuntimeRecipe,
  more: { files: readonly string[] },
): TreeFile[] {
  const name = `edgeimg-${recipe.name}`;
  const { packages } = recipe.buildroot;
  const programs = recipe.programs.filter(({ install }) => install !== null);
  const v = upper(name);
  return [
    configIn(request, {
      name,
      help: `${recipe.title}.`,
      depends: recipe.buildroot.depends,
      selects: packages.map((one) => `BR2_PACKAGE_${upper(one)}`),
    }),
    makefile(request, name, "compile", {
      version: recipe.version,
      site: `$(BR2_EXTERNAL_EDGEIMG_PATH)/package/${name}/src`,
      method: "local",
      source: "",
      sources: "",
      license: recipe.license,
      licenseFiles: "",
      dependencies: packages.join(" "),
      headers: [],
      variables: programs.map(({ output, sources }) => ({
        name: `${v}_${upper(output)}_SOURCES`,
        values: sources,
      })),
      programs: programs.map(({ output, install, include, cflags, static: archives, libraries, libs, ldflags }) => ({
        compiler: "$(TARGET_CC)",
        flags: "$(TARGET_CFLAGS)",
        arguments: [
          withoutWerror(cflags).join(" "),
          ...recipe.buildroot.cflags,
          [...include, ...recipe.headers.map((header) => `${header}-include`)].map((one) => `-I${one}`).join(" "),
          `$(${v}_${upper(output)}_SOURCES)`,
          ...(archives.length + libraries.length === 0 ? [] : [libraryFlags([...libraries, ...archives])]),
          ...(libs.length === 0 ? [] : [libs.map((one) => `-l${one}`).join(" ")]),
          // Buildroot strips by itself.
          ldflags.filter((flag) => flag !== "-s").join(" "),
        ],
        output,
        install,
        link: "",
      })),
    }),
    ...more.files.map((path) =>
      copyOf(`package/${name}/src/${path}`, `${request.catalog.home}/recipes/${recipe.name}/${path}`),
    ),
  ];
}

/** Static archives of a sysroot as libraries for the linker: `quickjs/libquickjs.a` lies in a folder of its own. */
function libraryFlags(archives: readonly string[]): string {
  return archives
    .map((path) => {
      const at = path.lastIndexOf("/");
      const folder = at === -1 ? "" : `-L$(STAGING_DIR)/usr/lib/${path.slice(0, at)} `;
      return `${folder}-l${path.slice(at + 1).replace(/^lib(.*)\.a$/, "$1")}`;
    })
    .join(" ");
}

/** The app with the compiler of its bytecode, and the models. */
export function appPackages(request: TreeRequest): TreeFile[] {
  const { catalog, parts, series, project } = request;
  const { compiler } = catalog.runtime.buildroot;
  const assets = parts.app.some(({ path }) => path.startsWith("assets/"));
  const qjsc = (path: string) => copyOf(`package/edgeimg-qjsc/src/${path}`, `${catalog.home}/recipes/runtime/${path}`);
  return [
    makefile(request, "edgeimg-qjsc", "edgeimg-qjsc", {
      cflags: withoutWerror(compiler.cflags).join(" "),
      sources: compiler.sources.join(" "),
    }),
    hashFile(
      request,
      "package/edgeimg-qjsc/edgeimg-qjsc.hash",
      Object.entries(series.sources).map(([name, files]) => ({
        from: `From package/${name}/${name}.hash of Buildroot`,
        files: Object.entries(files).map(([file, sha256]) => ({ name: file, sha256 })),
      })),
    ),
    ...[...compiler.sources, ...compiler.headers].map(qjsc),
    configIn(request, {
      name: "edgeimg-app",
      help: `The app ${project.name}, compiled to bytecode.`,
      depends: catalog.runtime.buildroot.depends,
      selects: ["BR2_PACKAGE_EDGEIMG_RUNTIME"],
    }),
    makefile(request, "edgeimg-app", "edgeimg-app", { version: request.version, assets }),
    ...parts.app.map(({ path, file }) => copyOf(`package/edgeimg-app/src/${path}`, file)),
    configIn(request, {
      name: "edgeimg-models",
      help: `Models of ${project.name}: ${Object.keys(project.models).sort().join(", ") || "none"}.`,
      depends: { BR2_PACKAGE_EDGEIMG_ADAPTER: "" },
    }),
    makefile(request, "edgeimg-models", "edgeimg-models", { version: request.version }),
    ...[...parts.models].flatMap(([engine, files]) =>
      files.map(({ path, file }) => copyOf(`package/edgeimg-models/src/${engine}/${path}`, file)),
    ),
  ];
}
