// Just enough of the ONNX format (onnx.proto3, protocol buffers) to write one iteration of the multiplicative update.

/** @param {number} value a whole number ≥ 0 */
function varint(value) {
  const bytes = []
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128)
  return [...bytes, value]
}

const integer = (field, value) => Uint8Array.from([...varint(field * 8), ...varint(value)])

function joined(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** A field of bytes: text, or a message made of fields. */
function block(field, ...parts) {
  const body = joined(parts.map(part => (typeof part === 'string' ? new TextEncoder().encode(part) : part)))
  return joined([Uint8Array.from([...varint(field * 8 + 2), ...varint(body.length)]), body])
}

const FLOAT = 1

const node = ([output, operator, ...inputs]) =>
  block(1, ...inputs.map(name => block(1, name)), block(2, output), block(4, operator))

const value = (field, { name, shape }) =>
  block(
    field,
    block(1, name),
    block(2, block(1, integer(1, FLOAT), block(2, ...shape.map(size => block(1, integer(1, size)))))),
  )

const constant = ({ name, shape, data }) =>
  block(
    5,
    ...shape.map(size => integer(1, size)),
    integer(2, FLOAT),
    block(8, name),
    block(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  )

/**
 * The bytes of a model.
 * @param {string[][]} nodes output, operator, inputs
 * @param {{ name: string, shape: number[], data?: Float32Array }[]} tensors those with data are constants of the model
 * @param {{ name: string, shape: number[] }[]} outputs
 */
export function onnxModel(nodes, tensors, outputs) {
  const graph = [
    ...nodes.map(node),
    block(2, 'update'),
    ...tensors.filter(({ data }) => data).map(constant),
    ...tensors.filter(({ data }) => !data).map(tensor => value(11, tensor)),
    ...outputs.map(tensor => value(12, tensor)),
  ]
  const [irVersion, operatorSet] = [8, 17]
  return joined([integer(1, irVersion), block(7, ...graph), block(8, block(1, ''), integer(2, operatorSet))])
}
