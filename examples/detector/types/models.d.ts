declare module "edge:nn" {
  interface Models {
    "faces": ModelOf<{ "input:0": Tensor<Float32Array> }, { "Identity:0": Tensor<Float32Array>; "Identity_1:0": Tensor<Float32Array>; "Identity_2:0": Tensor<Float32Array>; "Identity_3:0": Tensor<Float32Array> }>;
  }
}
