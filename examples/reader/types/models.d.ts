declare module "edge:nn" {
  interface Models {
    "cls": ModelOf<{ "x": Tensor<Float32Array> }, { "softmax_0.tmp_0": Tensor<Float32Array> }>;
    "det": ModelOf<{ "x": Tensor<Float32Array> }, { "sigmoid_0.tmp_0": Tensor<Float32Array> }>;
    "rec": ModelOf<{ "x": Tensor<Float32Array> }, { "softmax_11.tmp_0": Tensor<Float32Array> }>;
  }
}
