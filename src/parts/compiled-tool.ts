import { type Arch, architectures } from "../catalog/architecture.js";
import type { SourceTool } from "../catalog/tool.js";
import type { PackageSetRequest } from "../lock/resolve.js";
import { cmakeStep, gccStep, type Toolchain } from "./compile.js";
import { type Launcher, native } from "./launch.js";
import { type DebianContext, neededRoot, toolsRoot } from "./roots.js";
import { sourceTree } from "./source.js";
import { type SysrootSources, sysrootRequest } from "./sysroot.js";

/** The name under which what is a tool's own is told from an engine of the same name. */
const toolOwner = (name: string): string => `tool-${name}`;

/** The packages that a tool is compiled against. */
export function toolSysroot(
  tool: { readonly name: string; readonly environment: SourceTool; readonly catalog: SysrootSources },
  hostArch: Arch,
): PackageSetRequest {
  const { name, environment, catalog } = tool;
  return sysrootRequest(catalog, { arch: hostArch, owner: toolOwner(name), more: environment.packages });
}

/**
 * Adds the steps that compile a tool for the machine that builds, with the steps of an engine for a board that is like it. Gives the step of the
 * result, and how programs in it are started.
 */
export function compiledTool(
  { hostArch, ...context }: DebianContext,
  tool: {
    readonly name: string;
    readonly environment: SourceTool;
    /** Where it is described, and that folder's name among local steps. */
    readonly folder: string;
    readonly local: string;
    readonly catalog: SysrootSources;
  },
  why: string,
): { readonly step: string; readonly launcher: Launcher } {
  const { name, folder, local, environment } = tool;
  const { build, program, sources } = environment;
  const onHost: DebianContext = { ...context, hostArch, arch: hostArch };
  const sysroot = neededRoot(onHost, toolSysroot(tool, hostArch), {
    title: "Unpack this machine's sysroot",
    why: "programs for this machine are compiled against it, and run with its libraries",
  });
  const tools: Toolchain = { toolchain: toolsRoot(onHost, "toolchain"), sysroot };
  const source = sourceTree(onHost, { name: toolOwner(name), folder, local, sources, arch: hostArch, why });
  const common = {
    id: `compile/${toolOwner(name)}`,
    title: `Compile the tool ${name}`,
    why,
    // Any machine of its architecture may run it.
    board: { cpu: architectures[hostArch].generic },
    tools,
  };
  const step =
    build.kind === "cmake"
      ? cmakeStep(onHost, { ...common, ...build, source })
      : gccStep(onHost, {
          ...common,
          inputs: { source },
          materials: [{ input: "source" }],
          programs: [
            {
              language: build.sources.every((one) => one.endsWith(".c")) ? "c" : "c++",
              arguments: [
                ...build.cflags,
                "-Iin/source",
                ...build.sources.map((one) => `in/source/${one}`),
                ...build.link.map((library) => `-l${library}`),
              ],
              output: program,
            },
          ],
        });
  return { step, launcher: native(onHost, sysroot) };
}
