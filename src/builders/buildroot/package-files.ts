import { helpText, marker, markerText, upper } from "./names.js";
import type { TreeRequest } from "./request.js";
import { downloadOf } from "./sources.js";
import { type TreeFile, textFile } from "./tree-file.js";

interface ConfigIn {
  readonly name: string;
  readonly help: string;
  readonly homepage?: string | undefined;
  /** Symbol -> the word for it where menuconfig says why the package is hidden; "" when it says nothing. */
  readonly depends?: Readonly<Record<string, string>>;
  readonly selects?: readonly string[];
}

/** A package's Config.in, with the comment that says what a toolchain lacks. */
export function configIn({ render }: TreeRequest, options: ConfigIn): TreeFile {
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

/** The two parts of the comment that menuconfig shows when symbols are missing: what is needed, and when to show it. */
export function needsOf(told: readonly (readonly [string, string])[]): { needs: string; missing: string } {
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

/** A package's makefile from one of `templates/buildroot/package`. */
export function makefile({ render }: TreeRequest, name: string, template: string, context: object): TreeFile {
  const head = render("buildroot/package/head.hbs", { name, markerText }).trimEnd();
  const text = render(`buildroot/package/${template}.mk.hbs`, { head, v: upper(name), ...context });
  return textFile(`package/${name}/${name}.mk`, text);
}

/** What a hash file says of hashes that edgeimg pins itself, and of licences. */
export const pinned = (what: string) => `Pinned in ${what}; every download is compared with it`;
export const licenceText = "Locally calculated from the licence's text";

/** Version, site and file name of a pinned source, as a makefile has them. */
export function sourceContext(name: string, version: string, source: Parameters<typeof downloadOf>[0]) {
  const { site, file } = downloadOf(source);
  return {
    version,
    site,
    sources: "",
    // Buildroot's own default needs no line.
    source: file === `${name}-${version}.tar.gz` ? "" : file.replaceAll(version, `$(${upper(name)}_VERSION)`),
  };
}

/** A compiler's arguments as another compiler may get them. */
export function withoutWerror(flags: readonly string[]): string[] {
  // What is an error for the compiler that we test with may be a warning more for another one.
  return flags.filter((flag) => flag !== "-Werror");
}
