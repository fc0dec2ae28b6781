import { join } from 'node:path'
import { UsageError } from '../../errors.ts'
import { required } from '../../required.ts'
import { writeSafetensors } from '../../tensor/safetensors.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { writeWhole } from '../../tensor/whole-files.ts'
import { makeFolder } from '../../tensor/writes-files.ts'
import type { LoraModel, TrainedWhole } from './lora.ts'

/**
 * Whether all that these updates train can be written as PEFT reads it. To be asked before training.
 *
 * @throws UsageError `lora-names` when the file's names do not tell which module of PyTorch a weight belongs to; `lora-tied`
 * when a weight that trains in full is read elsewhere, too, as an embedding is; `lora-statistics` when running statistics move.
 */
export function checkAdapters({ adapters, whole, model }: LoraModel): void {
  for (const { weight, module } of adapters) moduleOf(weight, module)
  for (const { name, module, tied } of whole) {
    moduleOf(name, module)
    if (!tied) continue
    throw new UsageError(
      'lora-tied',
      `"${name}" trains in full and is read in more than one place, as an embedding that is the head, too; PEFT keeps modules apart and could not place it. Leave the head as it is (lora: {head: false}), or write the merged model without --adapter.`,
    )
  }
  const [statistic] = model.buffers.keys()
  if (statistic !== undefined) {
    throw new UsageError(
      'lora-statistics',
      `"${statistic}" is a running statistic that training moves, and an adapter has no place for it. Keep them as they are (--batchnorm fixed), or write the merged model without --adapter.`,
    )
  }
}

function moduleOf(weight: string, module: string | undefined): string {
  if (module !== undefined) return module
  throw new UsageError(
    'lora-names',
    `The name of the weight "${weight}" does not say which PyTorch module it is, so PEFT could not place its adapter. Merge the adapters into the model instead.`,
  )
}

/**
 * Writes what was trained the way PEFT reads it: `adapter_model.safetensors` and `adapter_config.json` in a folder, the updates
 * and, under `modules_to_save`, the head where it trained.
 *
 * @param options.base What `base_model_name_or_path` says.
 * @throws UsageError what {@link checkAdapters} throws.
 * @example
 * await saveAdapters('adapter', lora, trained, { base: 'bert-base-uncased' })
 */
export async function saveAdapters(
  folder: string,
  lora: LoraModel,
  trained: ReadonlyMap<string, Tensor>,
  options: { readonly base?: string } = {},
): Promise<void> {
  checkAdapters(lora)
  const tensors = new Map<string, Tensor>()
  const modules: string[] = []
  for (const adapter of lora.adapters) {
    const module = moduleOf(adapter.weight, adapter.module)
    modules.push(module)
    for (const [name, part] of [
      [adapter.a, 'lora_A'],
      [adapter.b, 'lora_B'],
    ] as const) {
      tensors.set(`base_model.model.${module}.${part}.weight`, required(trained, name, 'trained update'))
    }
  }
  const saved = new Set<string>()
  for (const part of lora.whole) {
    const module = moduleOf(part.name, part.module)
    saved.add(module)
    const tensor = required(trained, part.name, 'trained weight')
    tensors.set(`base_model.model.${module}.${part.part}`, asInPyTorch(part, tensor))
  }
  const config = {
    base_model_name_or_path: options.base ?? null,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: lora.alpha,
    lora_dropout: 0,
    modules_to_save: saved.size > 0 ? [...saved] : null,
    peft_type: 'LORA',
    r: lora.rank,
    target_modules: modules,
    task_type: null,
  }
  await makeFolder(folder)
  await writeWhole(join(folder, 'adapter_model.safetensors'), writeSafetensors(tensors, { format: 'pt' }))
  await writeWhole(join(folder, 'adapter_config.json'), `${JSON.stringify(config, null, 2)}\n`)
}

/** Writes the values of a model's inputs for updates: `adapter.safetensors`, by the names of the inputs. */
export async function saveAdapterInputs(path: string, adapter: ReadonlyMap<string, Tensor>): Promise<void> {
  await writeWhole(path, writeSafetensors(adapter, { format: 'np' }))
}

/** Rows are outputs there. */
function asInPyTorch({ part, layout }: TrainedWhole, tensor: Tensor): Tensor {
  const [inputs = 0, outputs = 0] = tensor.dims
  if (part !== 'weight' || layout !== 'in-out') return tensor
  const from = tensor.data as Float32Array
  const to = new Float32Array(from.length)
  for (let row = 0; row < outputs; row++) {
    for (let column = 0; column < inputs; column++) {
      to[row * inputs + column] = from[column * outputs + row] ?? Number.NaN
    }
  }
  return float32([outputs, inputs], to)
}
