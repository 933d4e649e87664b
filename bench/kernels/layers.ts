/** One convolution, one picture, `same` padding. */
export interface Layer {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: number;
  readonly stride: number;
  readonly depthwise: boolean;
}

const layer = (
  name: string,
  side: number,
  inChannels: number,
  outChannels: number,
  kernel: number,
  stride = 1,
): Layer => ({
  name,
  height: side,
  width: side,
  inChannels,
  outChannels,
  kernel,
  stride,
  depthwise: false,
});

/** The four 3x3 shapes of ResNet-18 at 224x224; each is 115.6 million multiplications. */
export const resnet18: readonly Layer[] = [
  layer("3x3 56x56x64", 56, 64, 64, 3),
  layer("3x3 28x28x128", 28, 128, 128, 3),
  layer("3x3 14x14x256", 14, 256, 256, 3),
  layer("3x3 7x7x512", 7, 512, 512, 3),
];

/** A layer that no Winograd does, for all schemes. */
export const direct: Layer = layer("1x1 14x14x512", 14, 512, 512, 1);

/** Layers of MobileNetV1 and V2 at 224x224. */
export const mobilenet: readonly Layer[] = [
  layer("1x1 56x56x64 to 128", 56, 64, 128, 1),
  direct,
  layer("1x1 7x7x1024", 7, 1024, 1024, 1),
  layer("1x1 14x14x96 to 576", 14, 96, 576, 1),
  layer("1x1 7x7x960 to 160", 7, 960, 160, 1),
  { ...layer("3x3 depthwise 56x56x128", 56, 128, 128, 3), depthwise: true },
  { ...layer("3x3 depthwise 14x14x512", 14, 512, 512, 3), depthwise: true },
];

export const schemes = ["w8a8", "w7a7", "w4a4", "w2a2", "w1a2", "w1a1"] as const;
export type Scheme = (typeof schemes)[number];
