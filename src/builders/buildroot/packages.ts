import type { Board } from "../../catalog/board-schema.js";
import type { CatalogRecipe } from "../../catalog/catalog.js";
import type { BuildrootLibrary, RuntimeRecipe } from "../../catalog/runtime-schema.js";
import { adapterArguments } from "../debian/engine.js";
import { helpText, marker, markerText, upper } from "./names.js";
import type { TreeRequest } from "./request.js";
import { downloadOf, siteVariable } from "./sources.js";
import { copyOf, type TreeFile, textFile } from "./tree-file.js";

type Scalar = string | number | boolean;

interface ConfigIn {
  readonly name: string;
  readonly help: string;
  readonly homepage?: string;
  /** Symbol -> the word for it where menuconfig says why the package is hidden; "" when it says nothing. */
  readonly depends?: Readonly<Record<string, string>>;
  readonly selects?: readonly string[];
}

/** A package's Config.in, with the comment that says what a toolchain lacks. */
function configIn({ render }: TreeRequest, options: ConfigIn): TreeFile {
  const depends = options.depends ?? {};
  const told = Object.entries(depends).filter(([, word]) => word !== "");
  return textFile(
    `package/${options.name}/Config.in`,
    render("buildroot/package/Config.in.hbs", {
      marker,
      symbol: upper(options.name),
      name: options.name,
      depends: Object.keys(depends),
      selects: options.selects ?? [],
      help: helpText(options.help),
      homepage: options.homepage ?? "",
      ...needsOf(told),
    }),
  );
}

function needsOf(told: readonly (readonly [string, string])[]): { needs: string; missing: string } {
  return {
    needs: told.length === 0 ? "" : `a toolchain w/ ${told.map(([, word]) => word).join(", ")}`,
    missing: told.map(([symbol]) => not(symbol)).join(" || "),
  };
}

function not(symbol: string): string {
  return symbol.startsWith("!") ? symbol.slice(1) : `!${symbol}`;
}

interface HashGroup {
  readonly from: string;
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
}

/** Hashes with where each comes from. */
export function hashFile({ render }: TreeRequest, path: string, groups: readonly HashGroup[]): TreeFile {
  return textFile(
    path,
    render("buildroot/package/package.hash.hbs", { marker, groups: groups.filter(({ files }) => files.length > 0) }),
  );
}

function makefile({ render }: TreeRequest, name: string, template: string, context: object): TreeFile {
  const head = render("buildroot/package/head.hbs", { name, markerText }).trimEnd();
  const text = render(`buildroot/package/${template}.mk.hbs`, { head, v: upper(name), ...context });
  return textFile(`package/${name}/${name}.mk`, text);
}

const pinned = (what: string) => `Pinned in ${what}; every download is compared with it`;
const licenceText = "Locally calculated from the licence's text";

function sourceContext(name: string, version: string, source: Parameters<typeof downloadOf>[0]) {
  const { site, file } = downloadOf(source);
  return {
    version,
    site,
    // Buildroot's own default needs no line.
    source: file === `${name}-${version}.tar.gz` ? "" : file.replaceAll(version, `$(${upper(name)}_VERSION)`),
  };
}

function withoutWerror(flags: readonly string[]): string[] {
  // What is an error for the compiler that we test with may be a warning more for another one.
  return flags.filter((flag) => flag !== "-Werror");
}

/** The package of an inference engine, from its recipe. */
export function enginePackage(request: TreeRequest, { recipe }: CatalogRecipe): TreeFile[] {
  const { name, build, version, license, source, buildroot } = recipe;
  if (build.kind === "packages" || source === undefined) return [];
  const where = `recipes/engines/${name}/recipe.yaml`;
  const licenses = Object.entries(license.files).map(([file, sha256]) => ({ name: file, sha256 }));
  const archive = [{ name: downloadOf(source).file, sha256: source.sha256 }];
  const headers = request.parts.headers.get(name) ?? [];
  const common = {
    ...sourceContext(name, version, source),
    license: license.spdx,
    licenseFiles: licenses.map((file) => file.name).join(" "),
    dependencies: buildroot.packages.join(" "),
  };
  const files = [
    configIn(request, {
      name,
      help: `${recipe.title}, an inference engine.`,
      homepage: recipe.homepage,
      depends: buildroot.depends,
      selects: buildroot.selects,
    }),
    hashFile(request, `package/${name}/${name}.hash`, [
      { from: pinned(where), files: archive },
      {
        from: pinned("edgeimg.lock"),
        files: headers.map(({ file, sha256 }) => ({ name: file, sha256 })),
      },
      { from: licenceText, files: licenses },
    ]),
  ];
  switch (build.kind) {
    case "cmake":
      return [
        ...files,
        makefile(request, name, "cmake", {
          ...common,
          subdir: build.directory === "." ? "" : build.directory,
          options: [
            ...Object.entries(build.options).map(cmakeOption),
            ...(build.cflags.length === 0 ? [] : cmakeFlags(build.cflags)),
          ],
          variants: build.variants.map(({ cpus, options, cflags }) => ({
            cpus: cpuSymbols(request.boards, cpus)
              .map((symbol) => `$(${symbol})`)
              .join(""),
            options: [...Object.entries(options).map(cmakeOption), ...(cflags.length === 0 ? [] : cmakeFlags(cflags))],
          })),
        }),
      ];
    case "prebuilt":
      return [
        ...files,
        makefile(request, name, "prebuilt", {
          ...common,
          downloads: headers,
          urls: headers.map(({ path }) => `${siteVariable("deb")}/${path}`),
          files: Object.entries(build.files[request.boards[0]?.arch ?? "arm64"] ?? {}).map(([from, to]) => ({
            from,
            // Libraries that nothing links are opened from the adapter's folder.
            to: recipe.libraries.includes(to.replace(/^lib\//, "")) ? `usr/lib/edgeimg/${to.slice(4)}` : `usr/${to}`,
          })),
        }),
      ];
    case "compile":
      return [
        ...files,
        makefile(request, name, "compile", {
          ...common,
          method: "",
          variables: [],
          ...libraryContext(build),
        }),
      ];
  }
}

function cmakeOption([key, value]: readonly [string, Scalar]): string {
  return `-D${key}=${value === true ? "ON" : value === false ? "OFF" : value}`;
}

function cmakeFlags(flags: readonly string[]): string[] {
  return [
    `-DCMAKE_C_FLAGS="$(TARGET_CFLAGS) ${flags.join(" ")}"`,
    `-DCMAKE_CXX_FLAGS="$(TARGET_CXXFLAGS) ${flags.join(" ")}"`,
  ];
}

/** Buildroot's symbol of a board's core. */
export function cpuSymbol(board: Board): string {
  return board.buildroot?.cpu ?? `BR2_${board.cpu.replaceAll("-", "_")}`;
}

/** Symbols of some cores, and of boards that have one of them under another symbol. */
function cpuSymbols(boards: readonly Board[], cpus: readonly string[]): string[] {
  const own = boards.filter(({ cpu }) => cpus.includes(cpu)).map(cpuSymbol);
  return [...new Set([...cpus.map((cpu) => `BR2_${cpu.replaceAll("-", "_")}`), ...own])].sort();
}

type CompileBuild = BuildrootLibrary["build"];

/** A shared library made by one command. */
function libraryContext(build: CompileBuild) {
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

/** What a folder of recipes holds, for a package whose source lies in the tree. */
export type RecipeFiles = readonly string[];

/** Our own programs and libraries, from recipes/runtime or recipes/kernels. */
export function ownPackage(request: TreeRequest, recipe: RuntimeRecipe, more: { files: RecipeFiles }): TreeFile[] {
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
      license: recipe.license,
      licenseFiles: "",
      dependencies: packages.join(" "),
      headers: [],
      variables: programs.map(({ output, sources }) => ({
        name: `${v}_${upper(output)}_SOURCES`,
        values: sources,
      })),
      programs: programs.map(({ output, install, include, cflags, static: archives, libs, ldflags }) => ({
        compiler: "$(TARGET_CC)",
        flags: "$(TARGET_CFLAGS)",
        arguments: [
          withoutWerror(cflags).join(" "),
          ...(packages.includes("quickjs") ? [`-DEDGE_QUICKJS_VERSION='"$(QUICKJS_VERSION)"'`] : []),
          [...include, ...recipe.headers.map((header) => `${header}-include`)].map((one) => `-I${one}`).join(" "),
          `$(${v}_${upper(output)}_SOURCES)`,
          ...(archives.length === 0 ? [] : [libraryFlags(archives)]),
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

/** libedge_nn.so of the engine that is chosen in menuconfig. */
export function adapterPackage(request: TreeRequest, shared: RecipeFiles): TreeFile[] {
  const { engines, catalog, render } = request;
  const name = "edgeimg-adapter";
  return [
    textFile(
      `package/${name}/Config.in`,
      render("buildroot/package/edgeimg-adapter.Config.in.hbs", {
        marker,
        engines: engines.map(({ recipe }) => ({
          name: recipe.name,
          symbol: upper(recipe.name),
          depends: Object.keys(recipe.buildroot.depends),
          help: helpText(`${recipe.title}, version ${recipe.version}.`),
          ...needsOf(Object.entries(recipe.buildroot.depends).filter(([, word]) => word !== "")),
        })),
      }),
    ),
    makefile(request, name, name, {
      version: request.version,
      engines: engines.map(({ recipe }) => {
        const { language, arguments: args } = adapterArguments(recipe, {
          include: ["include", "src"],
          own: recipe.name,
          shared: "src",
        });
        return {
          symbol: upper(recipe.name),
          compiler: language === "c" ? "$(TARGET_CC) $(TARGET_CFLAGS)" : "$(TARGET_CXX) $(TARGET_CXXFLAGS)",
          arguments: withoutWerror(args),
        };
      }),
    }),
    ...shared.map((path) => copyOf(`package/${name}/src/${path}`, `${catalog.home}/recipes/runtime/${path}`)),
    ...engines.flatMap(({ recipe, folder }) =>
      recipe.adapter.sources.map((path) => copyOf(`package/${name}/src/${recipe.name}/${path}`, `${folder}/${path}`)),
    ),
  ];
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
    hashFile(request, "package/edgeimg-qjsc/edgeimg-qjsc.hash", [
      {
        from: "From package/quickjs/quickjs.hash of Buildroot",
        files: Object.entries(series.quickjs).map(([file, sha256]) => ({ name: file, sha256 })),
      },
    ]),
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
