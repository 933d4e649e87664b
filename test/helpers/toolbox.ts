/** Programs for the tests of recipes/runtime and recipes/engines: absolute paths. */
export interface Toolbox {
  readonly qemuAarch64: string;
  readonly sysroot: string;
  readonly edgeRun: string;
  readonly edgeNnRun: string;
  /** libedge_kernels.so */
  readonly kernels: string;
  readonly engines: { readonly mnn: string; readonly ncnn: string; readonly onnxruntime: string };
}

/** Reads the paths from the environment: EDGEIMG_TEST_QEMU, _SYSROOT, _EDGE_RUN, _EDGE_NN_RUN, _KERNELS, _MNN, _NCNN, _ONNXRUNTIME. */
export async function toolbox(): Promise<Toolbox> {
  const need = (name: string): string => {
    const value = process.env[`EDGEIMG_TEST_${name}`];
    if (value === undefined) throw new Error(`EDGEIMG_TEST_${name} is not set`);
    return value;
  };
  return {
    qemuAarch64: need("QEMU"),
    sysroot: need("SYSROOT"),
    edgeRun: need("EDGE_RUN"),
    edgeNnRun: need("EDGE_NN_RUN"),
    get kernels() {
      return need("KERNELS");
    },
    engines: { mnn: need("MNN"), ncnn: need("NCNN"), onnxruntime: need("ONNXRUNTIME") },
  };
}
