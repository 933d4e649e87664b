declare module "edge:nn" {
  interface Models {
    "orientation": ModelOf<{ "x": Tensor<Float32Array> }, { "fetch_name_0": Tensor<Float32Array> }>;
  }
}
