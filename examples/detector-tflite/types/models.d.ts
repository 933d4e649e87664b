declare module "edge:nn" {
  interface Models {
    "faces": ModelOf<{ "input": Tensor<Float32Array> }, { "regressors": Tensor<Float32Array>; "classificators": Tensor<Float32Array> }>;
  }
}
