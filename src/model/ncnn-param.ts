/** A layer of a text `.param` file of ncnn. */
export interface NcnnLayer {
  readonly type: string;
  readonly name: string;
}

/** The layers of a `.param`, in order. Undefined when the text is none (its first line is a magic number). */
export function readNcnnParam(text: string): readonly NcnnLayer[] | undefined {
  const lines = text.split("\n").map((line) => line.trim());
  if (lines[0] !== "7767517") return undefined;
  return lines
    .slice(2)
    .filter((line) => line !== "")
    .map((line) => {
      const [type = "", name = ""] = line.split(/\s+/);
      return { type, name };
    });
}

/**
 * Layers that the converter could not express and wrote under its own or PyTorch's name (`pnnx.Expression`,
 * `aten::roll`, `torch.topk`, `nn.GELU`, `F.fold`). ncnn's own types are plain identifiers, so these never load.
 * A plain type that this ncnn lacks is found by the engine itself, which names it when the model is opened.
 */
export function unconvertedLayers(layers: readonly NcnnLayer[]): readonly NcnnLayer[] {
  return layers.filter((layer) => !/^[A-Za-z][A-Za-z0-9_]*$/.test(layer.type));
}
