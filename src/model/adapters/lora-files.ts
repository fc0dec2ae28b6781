import { join } from 'node:path'
import { UsageError } from '../../errors.ts'
import { writeSafetensors } from '../../tensor/safetensors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { writeWhole } from '../../tensor/whole-files.ts'
import { makeFolder } from '../../tensor/writes-files.ts'
import type { LoraModel } from './lora.ts'

/**
 * Writes trained adapters the way PEFT reads them: `adapter_model.safetensors` and `adapter_config.json` in a folder.
 * The head is not among them.
 *
 * @param options.base What `base_model_name_or_path` says.
 * @throws UsageError `lora-names` when the file's names do not tell which module of PyTorch a weight belongs to; merge
 * the adapters into the model then.
 * @example
 * await saveAdapters('adapter', lora, trained, { base: 'bert-base-uncased' })
 */
export async function saveAdapters(
  folder: string,
  lora: LoraModel,
  trained: ReadonlyMap<string, Tensor>,
  options: { readonly base?: string } = {},
): Promise<void> {
  const tensors = new Map<string, Tensor>()
  const modules: string[] = []
  for (const { weight, module, a, b } of lora.adapters) {
    if (module === undefined) {
      throw new UsageError(
        'lora-names',
        `The name of the weight "${weight}" does not say which PyTorch module it is, so PEFT could not place its adapter. Merge the adapters into the model instead.`,
      )
    }
    modules.push(module)
    for (const [name, part] of [
      [a, 'lora_A'],
      [b, 'lora_B'],
    ] as const) {
      const tensor = trained.get(name)
      if (tensor) tensors.set(`base_model.model.${module}.${part}.weight`, tensor)
    }
  }
  const config = {
    base_model_name_or_path: options.base ?? null,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: lora.alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: 'LORA',
    r: lora.rank,
    target_modules: modules,
    task_type: null,
  }
  await makeFolder(folder)
  await writeWhole(join(folder, 'adapter_model.safetensors'), writeSafetensors(tensors, { format: 'pt' }))
  await writeWhole(join(folder, 'adapter_config.json'), `${JSON.stringify(config, null, 2)}\n`)
}
