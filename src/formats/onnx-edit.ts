/**
 * Changes an ONNX model without understanding all of it: whatever an edit does not touch is kept byte for byte. Throws ProtobufError as the
 * reader does.
 */
import { depthLimit, type OnnxNode, type OnnxTensor, readNode, readTensor, readValue } from "./onnx.js";
import {
  type Field,
  fields,
  lengthField,
  type Pieces,
  ProtobufError,
  textField,
  textOf,
  varintField,
} from "./protobuf.js";

export interface NewNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Attributes that are whole numbers. */
  readonly integers?: Readonly<Record<string, number>>;
  /** The value of a Constant: one element of 32 bits. */
  readonly constant?: number;
}

export interface OnnxEdit {
  /** The data of a tensor that lie outside of the file; they are put into it. */
  readonly data?: (tensor: OnnxTensor) => Uint8Array;
  /** Other names for values, wherever a node takes or gives them. Inputs and outputs of the model keep theirs. */
  readonly rename?: ReadonlyMap<string, string>;
  /** Other element types (TensorProto.DataType) of the model's inputs and outputs, by name. */
  readonly types?: ReadonlyMap<string, number>;
  readonly first?: readonly NewNode[];
  readonly last?: readonly NewNode[];
  /** What a node is to take instead of its inputs, by position, and the nodes that make it. */
  readonly inputs?: (
    node: OnnxNode,
  ) => { readonly made: readonly NewNode[]; readonly taken: readonly string[] } | undefined;
}

/** The model after the edit. */
export function editOnnx(model: Uint8Array, edit: OnnxEdit): Uint8Array {
  const changed = mapFields(model, (field) => {
    if (field.number === 7) return inner(field, editGraph(field.bytes, edit, 0));
    if (field.number === 25)
      return inner(
        field,
        mapFields(field.bytes, (one) => editNodeField(one, edit, { node: 7, depth: 0 })),
      );
    return undefined;
  });
  return changed === undefined ? model : new Uint8Array(Buffer.concat(changed));
}

/** Each field replaced by what `change` gives; undefined when nothing was changed. */
function mapFields(message: Uint8Array, change: (field: Field) => Pieces | undefined): Pieces | undefined {
  const pieces: Uint8Array[] = [];
  let isChanged = false;
  for (const field of fields(message)) {
    const other = field.wire === 2 ? change(field) : undefined;
    if (other === undefined) pieces.push(field.whole);
    else {
      isChanged = true;
      for (const piece of other) pieces.push(piece);
    }
  }
  return isChanged ? pieces : undefined;
}

function inner(field: Field, content: Pieces | undefined): Pieces | undefined {
  return content === undefined ? undefined : lengthField(field.number, content);
}

function editGraph(graph: Uint8Array, edit: OnnxEdit, depth: number): Pieces | undefined {
  if (depth > depthLimit) throw new ProtobufError(`graphs within graphs, more than ${depthLimit} deep`, 0);
  const { first = [], last = [], rename, types } = depth === 0 ? edit : { rename: edit.rename };
  const changed = mapFields(graph, (field) => {
    if (field.number === 1) return editNodeField(field, edit, { node: 1, depth });
    if (field.number === 5) return inner(field, editTensor(field.bytes, edit));
    if (field.number === 15) return inner(field, editSparse(field.bytes, edit));
    if (field.number === 11 || field.number === 12) {
      const { name } = readValue(field.bytes);
      const type = types?.get(name);
      if (type !== undefined) return inner(field, retyped(field.bytes, type));
      const other = depth > 0 && field.number === 12 ? rename?.get(name) : undefined;
      return other === undefined ? undefined : inner(field, renamed(field.bytes, 1, other));
    }
    // It would tell the old type.
    if (field.number === 13 && rename?.has(readValue(field.bytes).name)) return [];
    return undefined;
  });
  if (first.length + last.length === 0) return changed;
  const nodes = (list: readonly NewNode[]) => list.flatMap((node) => lengthField(1, nodeBytes(node)));
  return [...nodes(first), ...(changed ?? [graph]), ...nodes(last)];
}

/** A field that may be a node, number `node`: with the nodes that it needs before it. */
function editNodeField(
  field: Field,
  edit: OnnxEdit,
  { node, depth }: { node: number; depth: number },
): Pieces | undefined {
  if (field.number !== node) return undefined;
  const instead = edit.inputs?.(readNode(field.bytes, depth));
  let position = 0;
  const content = mapFields(field.bytes, (one) => {
    if (one.number === 1) {
      const name = textOf(one);
      const taken = instead?.taken[position++];
      const other = taken ?? edit.rename?.get(name);
      return other === undefined || other === name ? undefined : textField(1, other);
    }
    if (one.number === 2) {
      const other = edit.rename?.get(textOf(one));
      return other === undefined ? undefined : textField(2, other);
    }
    return one.number === 5 ? inner(one, editAttribute(one.bytes, edit, depth)) : undefined;
  });
  if (instead === undefined) return inner(field, content);
  const added = instead.taken.slice(position).flatMap((name) => textField(1, name));
  return [
    ...instead.made.flatMap((one) => lengthField(node, nodeBytes(one))),
    ...lengthField(node, [...(content ?? [field.bytes]), ...added]),
  ];
}

function editAttribute(attribute: Uint8Array, edit: OnnxEdit, depth: number): Pieces | undefined {
  return mapFields(attribute, (field) => {
    if (field.number === 5 || field.number === 10) return inner(field, editTensor(field.bytes, edit));
    if (field.number === 6 || field.number === 11) return inner(field, editGraph(field.bytes, edit, depth + 1));
    if (field.number === 22 || field.number === 23) return inner(field, editSparse(field.bytes, edit));
    return undefined;
  });
}

function editSparse(sparse: Uint8Array, edit: OnnxEdit): Pieces | undefined {
  return mapFields(sparse, (field) =>
    field.number === 1 || field.number === 2 ? inner(field, editTensor(field.bytes, edit)) : undefined,
  );
}

/** A tensor with its data in raw_data, or with another name. */
function editTensor(tensor: Uint8Array, edit: OnnxEdit): Pieces | undefined {
  const read = readTensor(tensor);
  const other = edit.rename?.get(read.name);
  if (read.external === undefined || edit.data === undefined)
    return other === undefined ? undefined : renamed(tensor, 8, other);
  const kept: Uint8Array[] = [];
  for (const field of fields(tensor))
    if (
      field.number !== 13 &&
      field.number !== 14 &&
      field.number !== 9 &&
      !(field.number === 8 && other !== undefined)
    )
      kept.push(field.whole);
  return [...kept, ...(other === undefined ? [] : textField(8, other)), ...lengthField(9, [edit.data(read)])];
}

function renamed(message: Uint8Array, number: number, name: string): Pieces | undefined {
  return mapFields(message, (field) => (field.number === number ? textField(number, name) : undefined));
}

/** A ValueInfoProto with another element type. */
function retyped(value: Uint8Array, type: number): Pieces | undefined {
  return mapFields(value, (field) => {
    if (field.number !== 2) return undefined;
    const content = mapFields(field.bytes, (one) => {
      if (one.number !== 1) return undefined;
      const rest = [...fields(one.bytes)].filter((part) => part.number !== 1).map((part) => part.whole);
      return lengthField(1, [varintField(1, type), ...rest]);
    });
    return inner(field, content);
  });
}

function nodeBytes({ op, inputs, outputs, integers = {}, constant }: NewNode): Pieces {
  return [
    ...inputs.flatMap((name) => textField(1, name)),
    ...outputs.flatMap((name) => textField(2, name)),
    ...textField(4, op),
    ...Object.entries(integers).flatMap(([name, value]) =>
      lengthField(5, [...textField(1, name), varintField(3, value), varintField(20, 2)]),
    ),
    ...(constant === undefined
      ? []
      : lengthField(5, [
          ...textField(1, "value"),
          // TensorProto: data_type int32, raw_data; no dimensions.
          ...lengthField(5, [varintField(2, 6), ...lengthField(9, [new Uint8Array(Int32Array.of(constant).buffer)])]),
          varintField(20, 4),
        ])),
  ];
}
