export { readNpy, readNpz, writeNpy, writeNpz } from './npy.ts'
export { type RandomState, type RandomStream, randomStream, resumeStream } from './random.ts'
export { readSafetensors, writeSafetensors } from './safetensors.ts'
export {
  type DType,
  float32,
  int64,
  type Storage,
  sameDims,
  sizeOf,
  type Tensor,
  type TensorType,
  toNumbers,
} from './tensor.ts'
