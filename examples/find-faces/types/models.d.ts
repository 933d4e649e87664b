declare module "edge:nn" {
  interface Models {
    "faces": ModelOf<{ "image": Tensor<Uint8Array> }, { "faces": Tensor<Float32Array> }>;
  }
}
